import Foundation
import Martlet
import MartletTesting
import Testing

/// Every promise of every connection also holds from one broker to another, through a bridge: those that can cross, and
/// that both brokers give.
///
/// Most of the time goes by waiting, so that several pairs are at it side by side: one of each suite.
@Suite struct BridgeConformanceTests {
    private static let mqtt: [ConformanceBroker] = [.mqtt5, .mqtt311]
    private static let amqp: [ConformanceBroker] = [.amqp]

    @Suite(.serialized, .timeLimit(.minutes(15))) struct FromMQTT {
        @Test(arguments: ConformancePair.all(from: mqtt))
        func promisesCross(pair: ConformancePair) async throws { try await pair.keepsPromises() }
    }

    @Suite(.serialized, .timeLimit(.minutes(15))) struct FromAMQP {
        @Test(arguments: ConformancePair.all(from: amqp))
        func promisesCross(pair: ConformancePair) async throws { try await pair.keepsPromises() }
    }

    @Suite(.serialized, .timeLimit(.minutes(15))) struct FromOthers {
        @Test(arguments: ConformancePair.all(from: ConformanceBroker.allCases.filter { !(mqtt + amqp).contains($0) }))
        func promisesCross(pair: ConformancePair) async throws { try await pair.keepsPromises() }
    }
}

extension ConformancePair {
    /// How many checks of a pair run at a time. With more of them on a small machine they wait for each other, and time out.
    private static let lanes = 4 * ProcessInfo.processInfo.activeProcessorCount

    fileprivate func keepsPromises() async throws {
        var passed = 0
        try await BridgeConnections.with(self) { bridges in
            await withTaskGroup(of: Bool.self) { group in
                for (index, check) in ConformanceSuite.checks.enumerated() {
                    if index >= Self.lanes, await group.next() == true { passed += 1 }
                    group.addTask {
                        do {
                            return try await run(check, by: bridges) == .passed
                        } catch {
                            Issue.record(error, "\(self): \(check)")
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
