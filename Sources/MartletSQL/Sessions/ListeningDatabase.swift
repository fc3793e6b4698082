/// A database that tells of what others have committed without being asked.
package protocol ListeningDatabase: Database {
    /// Lends a body a listener, which hears of a channel's notifications from then on.
    ///
    /// - Throws: what the body throws; `SQLError` if there is no link for it; `CancellationError`.
    func withListener<Result>(
        to channel: String,
        _ body: (any SQLListener) async throws -> Result
    ) async throws -> Result
}

/// What hears of notifications.
package protocol SQLListener: Sendable {
    /// Returns when the channel was notified since the last call returned, and after a time without that.
    ///
    /// - Throws: `SQLError` if nothing would be heard any more; `CancellationError`.
    func wait(for limit: Duration) async throws
}
