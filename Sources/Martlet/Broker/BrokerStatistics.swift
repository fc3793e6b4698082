/// What an embedded broker has counted since it was made.
public struct BrokerStatistics: Sendable, Hashable {
    /// Messages published.
    public var published = 0
    /// Messages sent to queues.
    public var sent = 0
    /// Replies for which nobody was there any more.
    public var undeliverableReplies = 0
    /// Messages that died in a queue without a dead-letter queue to go to.
    public var droppedDeadLetters = 0
    /// Messages of a handler that a full queue refused.
    public var droppedActions = 0
    /// Requests that the handler refused.
    public var refused = 0

    /// Nothing counted yet.
    public init() {}
}
