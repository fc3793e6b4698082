import Synchronization

/// One value that one task waits for, or that one observer is told. Whatever comes first counts: the value, a failure,
/// cancellation.
package final class Promise<Value: Sendable>: Sendable {
    package typealias Observer = @Sendable (Result<Value, any Error>) -> Void

    private enum State {
        case pending
        case waiting(CheckedContinuation<Value, any Error>)
        case observed(Observer)
        case ended(Result<Value, any Error>)
    }

    private let state = Mutex(State.pending)

    package init() {}

    /// Whether it has its value, has failed or was cancelled, so that nobody need trouble about it any more.
    package var hasEnded: Bool { ended != nil }

    /// Ends the wait, unless it has ended before.
    ///
    /// - Returns: whether this was what ended it.
    @discardableResult
    package func end(_ result: Result<Value, any Error>) -> Bool {
        let before = replace(with: result)
        Self.tell(before, result)
        if case .ended = before { return false } else { return true }
    }

    /// Ends several waits, and only then tells who waits. To wake a thread takes microseconds, and one that runs meanwhile
    /// finds the others ended, and need not be woken for each of them.
    package static func end(_ results: [(promise: Promise, result: Result<Value, any Error>)]) {
        let before = results.map { $0.promise.replace(with: $0.result) }
        for (before, (_, result)) in zip(before, results) { tell(before, result) }
    }

    private func replace(with result: Result<Value, any Error>) -> State {
        state.withLock { state in
            let before = state
            if case .ended = state {} else { state = .ended(result) }
            return before
        }
    }

    private static func tell(_ before: State, _ result: Result<Value, any Error>) {
        switch before {
        case .pending, .ended: break
        case .waiting(let continuation): continuation.resume(with: result)
        case .observed(let observer): observer(result)
        }
    }

    /// The value. Cancelling the waiting task ends the wait with `CancellationError`.
    package func value(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        if let ended { return try ended.get() }
        return try await withTaskCancellationHandler {
            // Captured, it has this run where the caller runs; otherwise it would go to the global pool and back.
            _ = isolation
            return try await withCheckedThrowingContinuation { continuation in
                let ended: Result<Value, any Error>? = state.withLock { state in
                    if case .ended(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let ended { continuation.resume(with: ended) }
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
    }

    /// Has an observer told how it ends, instead of a task that waits: by whoever ends it, or at once.
    package func observe(_ observer: @escaping Observer) {
        let ended: Result<Value, any Error>? = state.withLock { state in
            if case .ended(let result) = state { return result }
            state = .observed(observer)
            return nil
        }
        if let ended { observer(ended) }
    }

    /// What it has ended with, if it has.
    var ended: Result<Value, any Error>? {
        state.withLock { state in
            if case .ended(let result) = state { result } else { nil }
        }
    }
}
