public import LineTransport
import Martlet
public import MartletTesting
import Testing

extension LineConnection: CuttableConnection {}

/// The transport that was written outside the package keeps every promise that it makes.
@Suite(.timeLimit(.minutes(10))) struct ConformanceTests {
    @Test(arguments: ConformanceSuite.checks)
    func keepsItsPromises(_ check: ConformanceCheck) async throws {
        let server = LineServer()
        let outcome = try await withThrowingTaskGroup(of: ConformanceCheck.Outcome?.self) { group in
            group.addTask {
                await server.run()
                return nil
            }
            defer { group.cancelAll() }
            return try await check.run { try await LineConnection.connect(to: server, options: $0) }
        }
        let isCapable = LineConnection.capabilities.isSuperset(of: check.requires)
        #expect((outcome == .passed) == isCapable)
    }
}
