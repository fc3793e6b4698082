/// A message on its way through the embedded broker, and where it is going.
public struct BrokerDispatch: Sendable, Hashable {
    /// Where a message goes.
    public enum Destination: Sendable, Hashable {
        /// To every subscriber of a topic.
        case topic(TopicName, retain: Bool)
        /// To one consumer of a queue.
        case queue(QueueName)
        /// To the one connection that hears a reply address.
        case reply(String)
    }

    /// What is sent.
    public var message: Message
    /// Where it goes.
    public var destination: Destination

    /// A message for a destination.
    public init(_ message: Message, to destination: Destination) {
        self.message = message
        self.destination = destination
    }
}
