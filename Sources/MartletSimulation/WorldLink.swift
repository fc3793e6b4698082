#if os(Linux)
import Martlet
public import MartletTesting
import Synchronization

/// A connection of a world and the link that it stands on, which can be severed for good.
final class WorldLink: Sendable {
    /// Gives a link back, unless its process was killed.
    private final class Cable: Sendable {
        let connection: MemoryConnection
        let isSevered = Atomic(false)

        init(_ connection: MemoryConnection) {
            self.connection = connection
        }

        func restore() {
            if !isSevered.load(ordering: .relaxed) { connection.restore() }
        }
    }

    let name: String
    let connection: FaultyConnection
    let isFaulty: Bool
    private let cable: Cable

    init(
        _ name: String,
        to broker: MemoryBroker,
        seed: UInt64,
        faults: Faults,
        options: ConnectionOptions
    ) async throws {
        self.name = name
        let cable = Cable(try await broker.connect(options: options))
        let link = LinkSwitch {
            cable.connection.cut()
        } restore: {
            cable.restore()
        }
        connection = try FaultyConnection(wrapping: cable.connection, seed: seed, faults: faults, link: link)
        isFaulty = !faults.kinds.isEmpty
        self.cable = cable
    }

    /// Takes the link away for good, as the end of its process does.
    func sever() {
        cable.isSevered.store(true, ordering: .relaxed)
        cable.connection.cut()
    }
}

extension Faults {
    /// A link as a bad network gives it: every twentieth message late, a few lost, doubled or overtaken, now and then no link.
    public static let flaky = Faults(
        delay: 0.05,
        duplicate: 0.02,
        reorder: 0.02,
        drop: 0.02,
        cut: 0.005,
        halfOpen: 0.003,
        maximumDelay: .milliseconds(50),
        maximumOutage: .milliseconds(500)
    )
}
#endif
