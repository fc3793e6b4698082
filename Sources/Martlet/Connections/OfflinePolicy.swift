/// What becomes of a publish without a guarantee while the connection has no link. One with a guarantee waits.
public enum OfflinePolicy: Sendable, Hashable {
    /// It fails with ``MessagingError/Code/notConnected``.
    case fail
    /// It is dropped, and counted in ``ConnectionStatistics/droppedOffline``.
    case drop
    /// It is kept for when the link is back. When more than the limit are kept the oldest is dropped and counted.
    case buffer(limit: Int)
}
