/// Where a route puts what it could not pass on.
///
/// A dead letter is the message as it came, with headers that say why: ``Headers/Standard/deathReason`` (code and text),
/// ``Headers/Standard/deathTopic``, ``Headers/Standard/deathDeliveries`` (the attempts),
/// ``Headers/Standard/deathFirstTime``, ``Headers/Standard/deathLastTime`` and ``Headers/Standard/deathBridge``.
public struct DeadLetters: Sendable, Hashable {
    /// The queue that they go to.
    public var queue: QueueName
    /// The side of the bridge that the queue is on. By default that from which the message came.
    public var side: BridgeSide?

    /// - Parameter side: the side of the bridge that the queue is on; `nil`: that from which the message came.
    public init(to queue: QueueName, on side: BridgeSide? = nil) {
        self.queue = queue
        self.side = side
    }
}

extension DeadLetters: ExpressibleByStringLiteral {
    /// A queue on the side from which the message came.
    public init(stringLiteral text: String) {
        self.init(to: QueueName(text))
    }
}
