import CPostgreSQL
import Martlet
import MartletSQL
import MartletTransport

extension PostgreSQLLink {
    /// Has the server tell of a channel's notifications from now on.
    func listen(to channel: String) async throws {
        let statement: SQL = "LISTEN \(identifier: channel)"
        try await perform(statement.statement().text)
    }

    /// Returns when the server has told of something, and after a time without that.
    func waitForNotification(for limit: Duration) async throws {
        try Task.checkCancellation()
        let socket = try await free()
        let timer = thread.loop.schedule(after: limit) { socket.interrupt() }
        defer { timer.cancel() }
        try await withTaskCancellationHandler {
            // Captured, it keeps this on the link's thread.
            _ = self
            try await socket.waitForNotification()
        } onCancel: {
            thread.loop.execute { self.assumeIsolated { $0.socket?.interrupt() } }
        }
        try Task.checkCancellation()
    }

    /// Ends the waiting for good. The link is closed when it is given back.
    func giveUp() { socket?.giveUp() }
}
