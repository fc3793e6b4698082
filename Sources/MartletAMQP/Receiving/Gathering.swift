import Martlet
import Synchronization

/// Several things that are waited for together.
final class Gathering: Sendable {
    private struct State {
        var open = 0
        var waiter: Promise<Void>?
    }

    private let state = Mutex(State())

    func begin() { state.withLock { $0.open += 1 } }

    func end() {
        let waiter = state.withLock { state in
            state.open -= 1
            return state.open == 0 ? state.waiter : nil
        }
        waiter?.end(.success(()))
    }

    /// What tells that all have ended; `nil` if they have.
    func promise() -> Promise<Void>? {
        state.withLock { state in
            guard state.open > 0 else { return nil }
            let promise = Promise<Void>()
            state.waiter = promise
            return promise
        }
    }
}
