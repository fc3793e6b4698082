/// What the broker publishes for a connection that it loses: its last will.
///
/// It is not published when the connection closes in order.
public struct Will: Sendable, Hashable {
    /// Where.
    public var topic: TopicName
    /// What.
    public var message: Message
    /// Whether the broker keeps it for those who subscribe later.
    public var retain: Bool

    /// A will, retained unless told.
    public init(topic: TopicName, message: Message, retain: Bool = true) {
        self.topic = topic
        self.message = message
        self.retain = retain
    }
}
