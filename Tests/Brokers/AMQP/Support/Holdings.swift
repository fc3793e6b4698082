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
    var confirms: Bool { publisher.channel?.confirms != nil }

    /// How many deliveries are not settled.
    var unsettled: Int { channels.values.reduce(0) { $0 + $1.unsettled } }

    /// Where the will lies.
    var willQueue: String { will?.queue ?? "" }

    var holdings: Holdings {
        let windows = channels.values.compactMap(\.confirms)
        return Holdings(
            inOutbox: outbox.count,
            waiting: waiting.count,
            unconfirmed: (publisher.channel?.confirms?.count ?? 0, windows.reduce(0) { $0 + $1.count }),
            unconfirmedBytes: windows.reduce(0) { $0 + $1.bytes },
            backlog: link?.backlog ?? 0,
            channels: channels.count,
            isRestored: undeclared == 0 && natives.values.allSatisfy(\.isReady)
        )
    }
}
