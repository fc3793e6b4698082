/// What took too long.
struct TimeIsOver: Error {}

/// Runs `body` for a time at most; then it is cancelled, and waited for.
///
/// - Throws: ``TimeIsOver`` if it was still at work; what `body` throws.
func withTimeLimit<Result: Sendable>(
    _ limit: Duration?,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let limit else { return try await body() }
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        if let result = first { return result }
        group.cancelAll()
        // It may have ended in the very moment.
        if let result = try? await group.next(), let result { return result }
        try Task.checkCancellation()
        throw TimeIsOver()
    }
}
