extension CreditGate {
    /// Runs `body`, cancelling it when its reader has not been heard of for three times its patience.
    ///
    /// A reader that lives grants its credit anew three times in each of its timeouts. One that died says nothing,
    /// and its handler would wait for credit for ever.
    func whileHeard(of patience: Duration?, _ body: @escaping @Sendable () async throws -> Void) async throws {
        guard let patience else { return try await body() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while self.silence < patience * 3 { try await self.sleep(for: patience) }
                throw MessagingError(.timeout, "the reader of the stream has not been heard of for \(patience * 3)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
