/// What a node publishes at intervals to say that it is alive.
///
/// ```swift
/// for try await beat in broker.subscribe(to: TopicFilter<Heartbeat>("*.heartbeat")) { … }
/// ```
public struct Heartbeat: Codable, Sendable, Hashable {
    /// When it was sent: nanoseconds since 1970.
    public var timestamp: Int64

    private enum CodingKeys: String, CodingKey {
        case timestamp = "ts"
    }

    /// The heartbeat of a moment, by default this one.
    public init(timestamp: Int64? = nil) {
        self.timestamp = timestamp ?? WallClock.nanoseconds
    }
}

/// How often, and where, a node says that it is alive.
public struct HeartbeatOptions: Sendable, Hashable {
    /// The time from one heartbeat to the next; the first one comes at once.
    public var interval: Duration
    /// Where; `nil`: on `<node>.heartbeat`.
    public var topic: TopicName?

    /// A heartbeat at each interval.
    ///
    /// - Parameters:
    ///   - interval: the time from one heartbeat to the next.
    ///   - topic: where; by default on `<node>.heartbeat`.
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
