/// How often, and where, a node says that it is alive.
public struct HeartbeatOptions: Sendable, Hashable {
    /// The time from one heartbeat to the next; the first one comes at once.
    public var interval: Duration
    /// Where; `nil`: on `<node>.heartbeat`.
    public var topic: TopicName?

    /// A heartbeat at each interval.
    ///
    /// - Parameter topic: where; by default on `<node>.heartbeat`.
    public static func every(_ interval: Duration, on topic: TopicName? = nil) -> HeartbeatOptions {
        HeartbeatOptions(interval: interval, topic: topic)
    }

    func validate() throws {
        guard interval > .zero else {
            throw MessagingError(.invalidArgument, "a heartbeat's interval is \(interval); it must be positive")
        }
        try topic?.validate()
    }
}
