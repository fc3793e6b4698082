import BridgeSupport
import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Synchronization
import Testing

/// Twenty good peers of an honest broker beside hostile ones of each kind: nobody dies, no good call is lost, memory stays flat.
///
/// `MARTLET_SIEGE` says for how many seconds on each broker.
@Suite(.serialized, .timeLimit(.minutes(30))) struct HostilePeersTests {
    private static let length = ProcessInfo.processInfo.environment["MARTLET_SIEGE"].flatMap(Double.init) ?? 5

    @Test(arguments: BrokerKind.allCases) func goodPeersLoseNothing(_ kind: BrokerKind) async throws {
        let house = House(kind)
        let server = try await kind.connect()
        let node = house.node(on: server)
        try await node.whileRunning(readyWithin: .seconds(60)) {
            let sent = try await withThrowingTaskGroup(of: (peer: Int, count: Int)?.self) { group in
                for peer in 0..<House.peers {
                    group.addTask {
                        let connection = try await kind.connect()
                        do {
                            let count = try await house.use(connection, as: peer)
                            #expect(connection.statistics.linkFailures == 0)
                            await connection.close()
                            return (peer, count)
                        } catch {
                            await connection.close()
                            throw error
                        }
                    }
                }
                group.addTask {
                    try await Self.attack(house)
                    return nil
                }
                try await Task.sleep(for: .seconds(Self.length / 2))
                let before = ProcessFigures.residentBytes
                try await Task.sleep(for: .seconds(Self.length / 2))
                let after = ProcessFigures.residentBytes
                house.end()
                let sent: [(peer: Int, count: Int)] = try await group.reduce(into: []) { sent, one in
                    if let one { sent.append(one) }
                }
                print(
                    "hostile peers on \(kind): \(house.strikes.load(ordering: .relaxed)) strikes, "
                        + "\(house.goods.load(ordering: .relaxed)) good rounds; \(before >> 20) MiB, then \(after >> 20) MiB"
                )
                #expect(after < before + before / 4 + 64 << 20)
                return sent
            }
            // What was sent arrives, though what others sent stands before it.
            for (peer, count) in sent { try await until { house.arrived(of: peer) == (count, count) } }
            #expect(node.health.components.allSatisfy { $0.restarts == 0 })
        }
        #expect(server.statistics.linkFailures == 0)
        await server.close()
    }

    /// Has a peer of each kind attack, until it is over.
    private static func attack(_ house: House) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for (seed, attack) in PeerAttack.allCases.enumerated() {
                group.addTask {
                    let connection = try await house.kind.connect()
                    var random = SplitMix64(seed: UInt64(seed))
                    while house.goesOn {
                        try? await attack.strike(house, connection, &random) { try await house.kind.connect() }
                        house.strikes.add(1, ordering: .relaxed)
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                    await connection.close()
                }
            }
            try await until { !house.goesOn }
            // One may wait for what does not come any more.
            group.cancelAll()
        }
    }
}
