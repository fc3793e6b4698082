import Synchronization

/// Values that tasks leave behind and one that checks them waits for, without polling.
package final class Recorder<Value: Sendable>: Sendable {
    private struct Watcher {
        let id: UInt64
        let condition: @Sendable ([Value]) -> Bool
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var values: [Value] = []
        var watchers: [Watcher] = []
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// What was recorded, in order.
    package var values: [Value] { state.withLock { $0.values } }

    package func record(_ value: Value) {
        let satisfied = state.withLock { state in
            state.values.append(value)
            let satisfied = state.watchers.filter { $0.condition(state.values) }
            for watcher in satisfied { state.watchers.removeAll { $0.id == watcher.id } }
            return satisfied
        }
        for watcher in satisfied { watcher.continuation.resume() }
    }

    /// Returns once at least so many values are recorded. Throws `CancellationError`.
    @discardableResult
    package func wait(for count: Int) async throws -> [Value] {
        try await wait { $0.count >= count }
    }

    /// Returns once the values are as wanted. Throws `CancellationError`.
    @discardableResult
    package func wait(until condition: @escaping @Sendable ([Value]) -> Bool) async throws -> [Value] {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waits = state.withLock { state in
                    guard !Task.isCancelled, !condition(state.values) else { return false }
                    state.watchers.append(Watcher(id: id, condition: condition, continuation: continuation))
                    return true
                }
                if !waits { continuation.resume(with: Result { try Task.checkCancellation() }) }
            }
        } onCancel: {
            let watcher: Watcher? = state.withLock { state in
                guard let index = state.watchers.firstIndex(where: { $0.id == id }) else { return nil }
                return state.watchers.remove(at: index)
            }
            watcher?.continuation.resume(throwing: CancellationError())
        }
        return values
    }
}

extension Recorder where Value == Void {
    /// Records that it happened.
    package func signal() { record(()) }
}
