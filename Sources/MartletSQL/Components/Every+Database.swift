public import Martlet

extension Every {
    /// A loop that may end itself, each run of which is lent a session of a database.
    ///
    /// - Parameters:
    ///   - interval: the time from one tick to the next.
    ///   - database: where the session comes from. That there is none is the component's failure, as what the body throws is.
    ///   - reportingInterval: how often the timing statistics are logged; `nil`: never. By default every ten minutes.
    ///   - body: runs at each tick; returns whether it is to run again.
    @_disfavoredOverload  // As with the one without a database.
    public init(
        _ interval: Duration,
        in database: any Database,
        reportingInterval: Duration? = .seconds(600),
        _ body: @escaping @Sendable (any SQLSession) async throws -> Tick
    ) {
        self.init(interval, reportingInterval: reportingInterval, database.lending(body))
    }

    /// A loop that goes on for as long as the node, each run of which is lent a session of a database.
    ///
    /// - Parameters:
    ///   - interval: the time from one tick to the next.
    ///   - database: where the session comes from. That there is none is the component's failure, as what the body throws is.
    ///   - reportingInterval: how often the timing statistics are logged; `nil`: never. By default every ten minutes.
    ///   - body: runs at each tick.
    public init(
        _ interval: Duration,
        in database: any Database,
        reportingInterval: Duration? = .seconds(600),
        _ body: @escaping @Sendable (any SQLSession) async throws -> Void
    ) {
        self.init(interval, reportingInterval: reportingInterval, database.lending(body))
    }
}
