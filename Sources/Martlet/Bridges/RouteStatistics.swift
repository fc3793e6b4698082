/// The figures of a route. Each message that came in has been forwarded, dropped for one of the reasons, made a dead
/// letter, or is under way.
public struct RouteStatistics: Sendable, Hashable {
    /// Messages that came in; of calls, the requests.
    public var received = 0
    /// Messages that the sink has taken; of calls, those that were answered.
    public var forwarded = 0
    /// Dropped by the route's filter: its transformation returned `nil`.
    public var filtered = 0
    /// Dropped by the route's sampling.
    public var sampledOut = 0
    /// Dropped because the topic had that body already.
    public var unchanged = 0
    /// Dropped by the rate limit.
    public var overRate = 0
    /// Dropped because it had passed this bridge before, or too many bridges.
    public var looped = 0
    /// Dropped because it had arrived before.
    public var duplicates = 0
    /// Dropped, without a dead letter: no way to pass it on was found.
    public var lost = 0
    /// Dropped before the route had it, because the sink was slower than the publishers; see ``RouteOptions/overflow``.
    public var overflowed = 0
    /// How many messages are on disk; see ``RouteOptions/store``.
    public var stored = 0
    /// Dropped from the disk, or before they were there: it was full, or they were too old or could not be read any
    /// more. Of what a damaged file has lost at its end the number may not be known: that is one.
    public var storeDropped = 0
    /// How often the disk failed to take messages, to have them for certain (``StoreOptions/sync``), or to be read. What it
    /// does not take stays with its source, and is tried again, so that none of it is dropped. What can't be read is read
    /// again ten times, and is then dropped and counted.
    public var storeFailures = 0
    /// Sent to the dead-letter queue.
    public var dead = 0
    /// Attempts beyond the first.
    public var retried = 0
    /// How many are under way to the sink, or being worked on.
    public var inFlight = 0
    /// How long the message that arrived last took from coming in to being taken by the sink; with a store, from coming
    /// off the disk. Of calls, from the request to the reply.
    public var lag = Duration.zero

    /// Nothing counted yet.
    public init() {}

    /// All that came in, or would have, and was not passed on, for whatever reason; dead letters are not among them.
    public var dropped: Int {
        filtered + sampledOut + unchanged + overRate + looped + duplicates + lost + overflowed + storeDropped
    }
}

/// How one direction of a bridge's route stands.
public struct RouteReport: Sendable, Hashable {
    /// Its plan.
    public var plan: RoutePlan
    /// Its figures.
    public var statistics: RouteStatistics
}
