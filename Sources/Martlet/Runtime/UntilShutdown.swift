import ServiceLifecycle

/// Does what may be broken off when graceful shutdown begins, which is no error then.
///
/// - Returns: `nil`: it was broken off.
/// - Throws: what `body` throws; `CancellationError` if the task itself is cancelled.
package func untilShutdown<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
    do {
        return try await cancelWhenGracefulShutdown(body)
    } catch is CancellationError where !Task.isCancelled && Task.isShuttingDownGracefully {
        return nil
    }
}
