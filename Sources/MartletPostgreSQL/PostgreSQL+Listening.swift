package import MartletSQL
import Synchronization

extension PostgreSQL: ListeningDatabase {
    package func openListener(to channel: String) async throws -> (any SQLListener)? {
        let link = try await listeners.take()
        if await link.isPooled {
            await listeners.giveBack(link)
            return nil
        }
        listening.withLock { $0[ObjectIdentifier(link)] = link }
        let listener = Listener(database: self, link: link)
        do {
            try await link.listen(to: channel)
        } catch {
            await listener.close()
            throw error
        }
        return listener
    }

    /// A link that does nothing but listen.
    private struct Listener: SQLListener {
        let database: PostgreSQL
        let link: PostgreSQLLink

        func wait(for limit: Duration) async throws { try await link.waitForNotification(for: limit) }

        func close() async {
            database.listening.withLock { $0[ObjectIdentifier(link)] = nil }
            // It would go on listening.
            await link.giveUp()
            await database.listeners.giveBack(link)
        }
    }

    /// Ends what listens, so that the database can be closed.
    func closeListeners() async {
        for link in listening.withLock({ Array($0.values) }) { await link.giveUp() }
        await listeners.close()
    }
}
