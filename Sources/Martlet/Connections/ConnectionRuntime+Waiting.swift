extension ConnectionRuntime {
    /// Returns once the connection has a link: for a message with a guarantee that was given while there was none.
    ///
    /// - Parameter limit: how long to wait at most; `nil`: as long as the connection is open. Measured by the connection's
    ///   clock.
    /// - Throws: ``MessagingError/Code/timeout`` if it has none in time, ``MessagingError/Code/connectionClosed``,
    ///   `CancellationError`.
    public func waitUntilConnected(within limit: Duration?) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { [states] in
                for await state in states.stream() {
                    if state == .connected { return }
                    if state == .closed { break }
                }
                try Task.checkCancellation()
                throw MessagingError.closed
            }
            if let limit {
                group.addTask { [timers] in
                    try await timers.sleep(for: limit)
                    throw MessagingError(.timeout, "the connection had no link for \(limit), until the message expired")
                }
            }
            try await group.next()
        }
    }
}

extension ConnectionRuntime {
    /// Runs something that waits for the broker. If it has not ended within a time it is cancelled.
    ///
    /// - Throws: what `body` throws; the error given, if it takes too long.
    func run<Result: Sendable>(
        within limit: Duration,
        or late: MessagingError,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { [timers] group in
            defer { group.cancelAll() }
            group.addTask { try await body() }
            group.addTask {
                try await timers.sleep(for: limit)
                return nil
            }
            guard let result = try await group.next() ?? nil else { throw late }
            return result
        }
    }
}

extension MessagingError {
    package static var closed: MessagingError {
        MessagingError(.connectionClosed, "the connection is closed; make a new one")
    }

    package static var offline: MessagingError {
        MessagingError(.notConnected, "the connection has no link to its broker right now; it comes back by itself")
    }
}
