/// What a connection has counted since it was made. Nothing that is skipped or dropped goes uncounted.
public struct ConnectionStatistics: Sendable, Hashable {
    /// Replies that came when their caller had gone: after its timeout, its cancellation, or twice.
    public var lateReplies = 0
    /// Messages that a typed subscription, responder or action could not read, and skipped.
    public var undecodable = 0
    /// Requests without an address for the reply, which are dropped.
    public var unanswerable = 0
    /// Publishes dropped while there was no link, or expired before there was one again; see ``OfflinePolicy``.
    public var droppedOffline = 0
    /// Messages without a guarantee that the broker refused when nobody waited for its word.
    public var refused = 0
    /// What the broker said the last time.
    public var lastRefusal: String?
    /// How often the broker refused to settle a delivery, and is asked again until it does or the link is lost; and how often
    /// a delivery was settled when it had been given to another consumer.
    public var refusedSettlements = 0
    /// Messages of queues that had expired when they came.
    public var expired = 0
    /// What came and was larger than this connection reads: skipped or put aside alone.
    public var oversized = 0
    /// Messages that arrived for nobody, beyond those that are kept for who subscribes late.
    public var undelivered = 0
    /// Deliveries from queues that no reader got, since their link was lost before: the broker delivers them again.
    public var staleDeliveries = 0
    /// Cancellations, credits and goals' statuses that could not be sent because too many were waiting to be.
    public var droppedNotices = 0
    /// How often a link was lost by which subscriptions received, at a broker that keeps nothing meanwhile, or a queue that
    /// was the connection's own: what was published in such a gap is missing.
    public var gaps = 0
    /// How often a link was lost, or could not be had again.
    public var linkFailures = 0
    /// Why that was so the last time, in the words of the broker if it said any.
    public var lastLinkFailure: String?
    /// How often a node of a cluster named another one, since that keeps the key.
    public var redirections = 0
    /// Calls that wait for their reply now.
    public var callsInFlight = 0

    /// Nothing counted yet.
    public init() {}
}
