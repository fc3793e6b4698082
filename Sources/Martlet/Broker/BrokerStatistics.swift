/// The counts of an embedded broker since it was made.
public struct BrokerStatistics: Sendable, Hashable {
    /// Messages published, but for those by which a server says how it stands.
    public var published = 0
    /// Messages sent to queues.
    public var sent = 0
    /// Replies to an address that no client hears any more.
    public var undeliverableReplies = 0
    /// Dead letters of queues that have no dead-letter queue.
    public var droppedDeadLetters = 0
    /// Messages of the handler that could not be passed on: their queue was full, or no client heard their address.
    public var droppedActions = 0
    /// Requests that the handler refused.
    public var refused = 0

    /// Nothing counted yet.
    public init() {}
}
