package import Martlet

/// Lets others run until a condition holds; the test's time limit ends it. It is for states that nothing announces.
package func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

/// The code of what a call throws; `nil` if it throws nothing, or something else.
package func errorCode(_ body: () async throws -> Void) async -> MessagingError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? MessagingError)?.code
    }
}

/// Runs `body` beside a server that says when it is ready, which is cancelled when `body` is done.
package func withServer<Result: Sendable>(
    _ serve: @escaping @Sendable (_ onReady: @escaping @Sendable () -> Void) async throws -> Void,
    _ body: () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        group.addTask {
            do { try await serve { isReady.finish() } } catch is CancellationError {}
        }
        for await _ in ready {}
        let result: Result
        do {
            result = try await body()
        } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}
