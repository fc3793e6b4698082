import Martlet
import MartletMQTT
import MartletServer
import MartletTesting
import Synchronization
import Testing

/// A connection of this process and a client on a socket keep to each other what connections of one kind keep: queues, calls,
/// streams, actions, events and nodes.
@Suite(.timeLimit(.minutes(10))) struct AcrossTests {
    struct Cell: Sendable, CustomTestStringConvertible {
        let check: ConformanceCheck
        let version: MQTTVersion
        /// Whether the first connection of the check is in this process. The second is not then, and so on by turns.
        let startsHere: Bool

        var testDescription: String {
            "\(check), MQTT \(version), \(startsHere ? "from here" : "from a client")"
        }
    }

    /// Where MQTT gives less than its peer in this process, or the check cuts links, there is nothing to keep.
    static let cells = [MQTTVersion.v5, .v311].flatMap { version in
        [true, false].flatMap { startsHere in
            let given = MQTTOptions(version: version).capabilities.intersection(MemoryBroker.capabilities)
            return ConformanceSuite.checks
                .filter { !$0.cutsLinks && given.isSuperset(of: $0.requires) }
                .map { Cell(check: $0, version: version, startsHere: startsHere) }
        }
    }

    @Test(arguments: cells) func theyKeepTheirPromises(_ cell: Cell) async throws {
        let broker = MemoryBroker()
        try await withServer(broker) { _, port in
            let turns = Mutex(cell.startsHere)
            _ = try await cell.check.run { options in
                let isHere = turns.withLock { turns in
                    defer { turns.toggle() }
                    return turns
                }
                if isHere { return try await broker.connect(options: options) }
                let servers = [MQTTOptions.Server(host: "127.0.0.1", port: port)]
                return try await MQTTConnection.connect(
                    MQTTOptions(servers: servers, connection: options, version: cell.version)
                )
            }
        }
    }
}
