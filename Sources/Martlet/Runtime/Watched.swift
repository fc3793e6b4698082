import ServiceLifecycle
import Synchronization

/// A value that tasks wait to become what they need.
package final class Watched<Value: Sendable>: Sendable {
    private struct Waiter {
        let condition: @Sendable (Value) -> Bool
        let signal: Promise<Bool>
    }

    private struct State {
        var value: Value
        var lastID = 0
        var waiters: [Int: Waiter] = [:]

        /// Those whose condition has come to hold, in the order in which they came.
        mutating func takeSatisfied() -> [Waiter] {
            guard !waiters.isEmpty else { return [] }
            let satisfied = waiters.filter { $0.value.condition(value) }
            for id in satisfied.keys { waiters[id] = nil }
            return satisfied.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private let state: Mutex<State>

    package init(_ value: sending Value) {
        state = Mutex(State(value: value))
    }

    package var value: Value { state.withLock { $0.value } }

    /// Changes the value. Where `change` throws it does so before it changes anything.
    package func update(_ change: (inout Value) throws -> Void) rethrows {
        let satisfied = try state.withLock { state in
            try change(&state.value)
            return state.takeSatisfied()
        }
        for waiter in satisfied { waiter.signal.end(.success(true)) }
    }

    /// Waits until a condition holds; returns early when graceful shutdown of this task begins.
    ///
    /// - Returns: whether the condition came to hold.
    /// - Throws: `CancellationError`.
    @discardableResult
    package func wait(until condition: @escaping @Sendable (Value) -> Bool) async throws -> Bool {
        let signal = Promise<Bool>()
        let id: Int? = state.withLock { state in
            if condition(state.value) { return nil }
            state.lastID += 1
            state.waiters[state.lastID] = Waiter(condition: condition, signal: signal)
            return state.lastID
        }
        guard let id else { return true }
        defer { state.withLock { _ = $0.waiters.removeValue(forKey: id) } }
        return try await withGracefulShutdownHandler {
            try await signal.value()
        } onGracefulShutdown: {
            signal.end(.success(false))
        }
    }
}
