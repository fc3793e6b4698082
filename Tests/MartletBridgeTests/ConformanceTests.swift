import Martlet
import MartletTesting
import Testing

/// Every promise of every connection also holds from one broker to another, through a bridge: those that can cross, and
/// that both brokers give.
@Suite(.serialized, .timeLimit(.minutes(15))) struct BridgeConformanceTests {
    /// How many checks of a pair run at a time: with more they wait for each other, and time out.
    private static let lanes = 8

    @Test(arguments: ConformancePair.all)
    func promisesCross(pair: ConformancePair) async throws {
        var passed = 0
        try await BridgeConnections.with(pair) { bridges in
            await withTaskGroup(of: Bool.self) { group in
                for (index, check) in ConformanceSuite.checks.enumerated() {
                    if index >= Self.lanes, await group.next() == true { passed += 1 }
                    group.addTask {
                        do {
                            return try await pair.run(check, by: bridges) == .passed
                        } catch {
                            Issue.record(error, "\(pair): \(check)")
                            return false
                        }
                    }
                }
                for await hasPassed in group where hasPassed { passed += 1 }
            }
        }
        // What is left out is what can't cross, and what a broker does not give: few checks, whatever the pair.
        #expect(passed >= 80, "\(passed) checks passed")
    }
}
