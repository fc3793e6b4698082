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
