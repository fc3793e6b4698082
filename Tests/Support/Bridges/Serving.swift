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
