/// How a ``CarbonSink`` delivers lines.
public struct CarbonOptions: Sendable, Hashable {
    /// When lines count as delivered.
    public enum Confirmation: String, Sendable, Hashable {
        /// Carbon has read them. Each batch has a connection of its own, which is closed on this side after the last line;
        /// Carbon closes it, too, when it has read all. Nothing is lost when Carbon is away, stopped or restarted, and of one
        /// that is killed no more than what it had read and not worked on yet; lines may come twice, which is harmless but
        /// for a carbon-aggregator that counts or sums.
        case read
        /// The system has taken them. The connection stays open. Lines that Carbon has not read when it ends are lost.
        case written
    }

    /// What the names of all metrics begin with, without the dot; empty: nothing.
    public var prefix: String
    /// When lines count as delivered.
    public var confirm: Confirmation
    /// How long connecting may take.
    public var connectTimeout: Duration
    /// How long Carbon may take none of the lines, or not close the connection after the last one. Then the batch is
    /// delivered again.
    public var timeout: Duration

    /// No prefix, confirmed when read, 10 s to connect, 30 s for lines, unless told.
    public init(
        prefix: String = "",
        confirm: Confirmation = .read,
        connectTimeout: Duration = .seconds(10),
        timeout: Duration = .seconds(30)
    ) {
        self.prefix = prefix
        self.confirm = confirm
        self.connectTimeout = connectTimeout
        self.timeout = timeout
    }
}
