import Synchronization

/// Runs `body` to its end and returns what it returns, though the calling task may have been cancelled or be cancelled
/// meanwhile: for the last word of something that ends.
///
/// It is a task of its own, awaited here: most of what waits or sends checks first whether its task is cancelled. `body` has
/// to end by itself, since nothing outside can end it. It runs on the pool, wherever the caller does.
package func shielded<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result = await Task { () -> Result<Value, Failure> in
        do throws(Failure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }.value
    return try result.get()
}

/// Runs `body` and returns what it returns. When the calling task is cancelled, `body` has some time more, and is cancelled only
/// after that: for what is half done, and is not to be done again.
///
/// It is a task of its own, awaited here. It runs on the pool, wherever the caller does.
package func shielded<Value: Sendable>(
    for time: Duration,
    of timers: Timers,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let task = Task { try await body() }
    let timer = Mutex<Timers.ID?>(nil)
    defer { if let timer = timer.withLock(\.self) { timers.cancel(timer) } }
    return try await withTaskCancellationHandler {
        try await task.value
    } onCancel: {
        timer.withLock { $0 = timers.schedule(at: timers.now + time) { task.cancel() } }
    }
}
