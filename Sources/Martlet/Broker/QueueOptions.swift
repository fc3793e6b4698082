/// What happens to a message that is sent to a full queue.
public enum QueueOverflow: Sendable, Hashable {
    /// The sender waits for room.
    case suspend
    /// Sending fails with ``MessagingError/Code/queueFull``.
    case reject
    /// The message that has waited longest becomes a dead letter.
    case dropOldest
}

/// How a queue of the embedded broker behaves.
public struct QueueOptions: Sendable, Hashable {
    /// How many messages may wait in it.
    public var limit: Int
    /// How many bytes the bodies of the messages that wait in it may have together. An empty queue takes one message of
    /// any size.
    public var byteLimit: Int
    /// What happens to a message that is sent when one of the limits is reached.
    public var overflow: QueueOverflow
    /// How long a message may wait before it becomes a dead letter; `nil`: for ever. A message's own expiry counts too.
    public var timeToLive: Duration?
    /// How often a message is delivered before it becomes a dead letter; `nil`: without end.
    public var maximumDeliveries: Int?
    /// Where dead letters go: those rejected, expired, displaced or delivered too often. `nil`: they are dropped, and
    /// counted.
    public var deadLetters: QueueName?

    /// By default 10,000 messages of 64 MiB together, senders wait, nothing expires, and dead letters are dropped.
    public init(
        limit: Int = 10_000,
        byteLimit: Int = 64 << 20,
        overflow: QueueOverflow = .suspend,
        timeToLive: Duration? = nil,
        maximumDeliveries: Int? = nil,
        deadLetters: QueueName? = nil
    ) {
        self.limit = limit
        self.byteLimit = byteLimit
        self.overflow = overflow
        self.timeToLive = timeToLive
        self.maximumDeliveries = maximumDeliveries
        self.deadLetters = deadLetters
    }

    func validate(for queue: QueueName) throws {
        try queue.validate()
        try deadLetters?.validate()
        if limit < 1 {
            throw MessagingError(.invalidArgument, "the limit of queue \(queue) is \(limit); it must be at least 1")
        }
        if byteLimit < 1 {
            throw MessagingError(
                .invalidArgument,
                "the limit of queue \(queue) is \(byteLimit) bytes; it must be at least 1"
            )
        }
        if let maximumDeliveries, maximumDeliveries < 1 {
            throw MessagingError(
                .invalidArgument,
                "the maximum deliveries of queue \(queue) are \(maximumDeliveries); they must be at least 1"
            )
        }
        if let timeToLive, timeToLive <= .zero {
            throw MessagingError(
                .invalidArgument,
                "the time to live in queue \(queue) is \(timeToLive); it must be positive"
            )
        }
    }

    /// How long a message with an expiry of its own may wait; `nil`: for ever.
    func life(of expiry: Duration?) -> Duration? {
        guard let expiry, let timeToLive else { return expiry ?? timeToLive }
        return min(expiry, timeToLive)
    }
}
