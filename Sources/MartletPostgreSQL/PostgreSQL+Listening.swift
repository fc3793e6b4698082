package import MartletSQL
import Synchronization

extension PostgreSQL: ListeningDatabase {
    package func withListener<Result>(
        to channel: String,
        _ body: (any SQLListener) async throws -> Result
    ) async throws -> Result {
        try await listeners.withLink { link in
            let answer: Swift.Result<Result, any Error>
            listening.withLock { $0[ObjectIdentifier(link)] = link }
            do {
                try await link.listen(to: channel)
                answer = .success(try await body(link))
            } catch {
                answer = .failure(error)
            }
            listening.withLock { $0[ObjectIdentifier(link)] = nil }
            // It would go on listening.
            await link.giveUp()
            return try answer.get()
        }
    }

    /// Ends what listens, so that the database can be closed.
    func closeListeners() async {
        for link in listening.withLock({ Array($0.values) }) { await link.giveUp() }
        await listeners.close()
    }
}
