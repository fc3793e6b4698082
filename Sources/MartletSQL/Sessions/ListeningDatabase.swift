/// A database that tells of what others have committed without being asked.
package protocol ListeningDatabase: Database {
    /// Opens a listener, which hears of a channel's notifications until it is closed.
    ///
    /// - Returns: `nil` where nothing would be heard, as behind a pooler.
    /// - Throws: `SQLError` if there is no link for it; `CancellationError`.
    func openListener(to channel: String) async throws -> (any SQLListener)?
}

/// What hears of notifications.
package protocol SQLListener: Sendable {
    /// Returns when the channel was notified since the last call returned, and after a time without that.
    ///
    /// - Throws: `SQLError` if nothing would be heard any more; `CancellationError`.
    func wait(for limit: Duration) async throws

    /// Closes it. Cancellation does not shorten it.
    func close() async
}
