import Martlet
import MartletTesting
import Testing

/// Every promise holds, in whatever order independent messages are delivered.
@Suite(.timeLimit(.minutes(15))) struct SteppedConformanceTests {
    @Test(arguments: ConformanceSuite.checks)
    func keepsItsPromisesInEveryOrder(_ check: ConformanceCheck) async throws {
        for seed in UInt64(1)...3 {
            do {
                let broker = MemoryBroker(options: MemoryBroker.Options(mode: .stepped))
                let outcome = try await StepDriver(broker: broker, seed: seed).run {
                    try await check.run { try await broker.connect(options: $0) }
                }
                #expect(outcome == .passed)
                #expect(broker.presence.clients.isEmpty)
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
    }
}
