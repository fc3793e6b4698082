import Martlet
import MartletTesting
import Testing

/// The embedded broker keeps every promise, and is capable of everything that is promised.
@Suite(.timeLimit(.minutes(15))) struct MemoryConformanceTests {
    @Test(arguments: ConformanceSuite.checks + ConformanceSuite.cancellation)
    func keepsItsPromises(_ check: ConformanceCheck) async throws {
        let broker = MemoryBroker()
        let outcome = try await check.run { try await broker.connect(options: $0) }
        #expect(outcome == .passed)
        #expect(broker.presence.clients.isEmpty)
    }

    @Test func namesAreUnique() {
        let names = ConformanceSuite.checks.map(\.name)
        #expect(Set(names).count == names.count)
    }
}
