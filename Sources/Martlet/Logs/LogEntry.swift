public import Logging

/// One record of a log, as it is published for others to read.
public struct LogEntry: Codable, Sendable, Hashable {
    /// When it was made: nanoseconds since 1970.
    public var timestamp: Int64
    /// How serious it is.
    public var level: Logger.Level
    /// What is said: of up to 4,096 bytes, of a longer text the beginning.
    public var message: String
    /// What belongs to it: up to 64 texts, each of up to 1,024 bytes, by names of up to 256.
    public var metadata: [String: String]
    /// The module that it comes from.
    public var source: String
    /// How many records were dropped between the one before and this one.
    public var dropped: Int

    private enum CodingKeys: String, CodingKey {
        case timestamp = "ts"
        case level, message, metadata, source, dropped
    }

    /// A record.
    ///
    /// - Parameters:
    ///   - timestamp: when it was made, in nanoseconds since 1970; `nil`: now.
    ///   - level: how serious it is.
    ///   - message: what is said.
    ///   - metadata: what belongs to it.
    ///   - source: the module that it comes from.
    ///   - dropped: how many were dropped since the one before.
    public init(
        timestamp: Int64? = nil,
        level: Logger.Level,
        message: String,
        metadata: [String: String] = [:],
        source: String = "",
        dropped: Int = 0
    ) {
        self.timestamp = timestamp ?? WallClock.nanoseconds
        self.level = level
        self.message = message
        self.metadata = metadata
        self.source = source
        self.dropped = dropped
    }
}
