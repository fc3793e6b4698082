import MartletTransport

@testable import MartletAMQP

/// What a connection holds open, and on its way out.
struct Holdings: Sendable {
    /// Publishes that the loop has not looked at.
    var inOutbox: Int
    /// Publishes that wait for room in their channel.
    var waiting: Int
    /// Publishes that the broker has not confirmed: those of the verbs, and of all channels.
    var unconfirmed: (verbs: Int, all: Int)
    /// What that keeps.
    var unconfirmedBytes: Int
    /// Bytes that wait for the socket.
    var backlog: Int
    /// Channels that are open, or on their way to be closed.
    var channels: Int
    /// Whether all that is to be open again is.
    var isRestored: Bool
}

extension AMQPSession {
    /// Whether the broker confirms what the verbs publish.
    var confirms: Bool { publishing.unconfirmedOfVerbs != nil }

    /// How many deliveries are not settled.
    var unsettled: Int { channels.all.reduce(0) { $0 + $1.unsettled } }

    /// Where the will lies.
    var willQueue: String { consuming.will?.queue ?? "" }

    var holdings: Holdings {
        let windows = channels.all.compactMap(\.confirms)
        return Holdings(
            inOutbox: outlet.outbox.count,
            waiting: publishing.waitingCount,
            unconfirmed: (publishing.unconfirmedOfVerbs ?? 0, windows.reduce(0) { $0 + $1.count }),
            unconfirmedBytes: windows.reduce(0) { $0 + $1.bytes },
            backlog: wire.link?.backlog ?? 0,
            channels: channels.count,
            isRestored: declarations.undeclared == 0 && consuming.nativesAreReady
        )
    }
}
