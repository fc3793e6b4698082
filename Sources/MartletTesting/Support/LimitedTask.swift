/// A task that is waited for no longer than a limit, even if it does not react to being cancelled.
///
/// It is for finding out that something hangs: what hangs is cancelled, and given up.
package struct LimitedTask<Value: Sendable>: Sendable {
    package enum Result: Sendable {
        case finished(Swift.Result<Value, any Error>)
        case overdue
    }

    private let task: Task<Value, any Error>
    private let done = Recorder<Void>()

    package init(_ body: @escaping @Sendable () async throws -> Value) {
        task = Task { [done] in
            defer { done.signal() }
            return try await body()
        }
    }

    /// Its result if it ends in time. It is cancelled when it does not, or when the waiting task is cancelled.
    package func result(within limit: Duration) async -> Result {
        let isDone = await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await done.wait(for: 1)) != nil }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        if isDone { return await .finished(task.result) }
        task.cancel()
        return .overdue
    }
}
