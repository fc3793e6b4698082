extension CreditGate {
    /// Runs `body`, cancelling it when its reader has been silent for so long.
    ///
    /// A reader that lives grants its credit anew three times in each of its timeouts. One that died says nothing,
    /// and its handler would wait for credit for ever.
    func whileHeard(within patience: Duration, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while true {
                    let left = patience - self.silence
                    guard left > .zero else { break }
                    try await self.sleep(for: left)
                }
                throw MessagingError(.timeout, "the reader of the stream has not been heard of for \(patience)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
