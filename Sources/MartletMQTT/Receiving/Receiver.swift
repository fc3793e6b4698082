import Martlet
import MartletTransport

/// Who gets what comes by a subscription.
enum Receiver: Sendable {
    /// A subscriber. One to a topic without wildcards knows what it is of.
    case topics(Inbox<Delivery>, knowsTopic: Bool)
    /// A queue's consumer.
    case queue(PrefetchInbox, QueueName)
    /// Those who wait for replies.
    case replies(@Sendable (Message, String) -> Void)

    /// What comes to it.
    var use: Envelope.Use {
        switch self {
        case .topics, .queue: .publication
        case .replies: .call
        }
    }

    /// Whether it is of those who wait for replies.
    var isForReplies: Bool {
        if case .replies = self { true } else { false }
    }

    /// Ends it, after what has arrived.
    func finish(throwing error: (any Error)?) {
        switch self {
        case .topics(let inbox, _): inbox.mailbox.finish(throwing: error)
        case .queue(let inbox, _):
            inbox.end()
            inbox.mailbox.finish(throwing: error)
        case .replies: break
        }
    }
}
