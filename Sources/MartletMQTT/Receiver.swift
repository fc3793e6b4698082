import Martlet
import MartletIO

/// Who gets what comes by a subscription.
enum Receiver: Sendable {
    /// A topic's subscriber. Where the filter has no wildcards its own name is told as the topic.
    case topics(Inbox, name: TopicName?)
    /// A queue's consumer.
    case queue(Inbox, QueueName)
    /// Those who wait for replies.
    case replies(@Sendable (Message, String) -> Void)
    /// A subscriber by MQTT's own names.
    case native(NativeInbox)
}
