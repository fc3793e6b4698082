import Synchronization

/// The writing side's permission to go on: how many elements the reader has allowed, and whether it is alive.
final class CreditGate: ReplyReceiver {
    private struct State {
        var allowed: Int
        var used = 0
        var lastHeard: Duration
        var failure: (any Error)?
        var lastWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { waiters.removeAll() }
            return waiters.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private let timers: Timers
    private let state: Mutex<State>

    init(allowed: Int, timers: Timers) {
        self.timers = timers
        state = Mutex(State(allowed: allowed, lastHeard: timers.now))
    }

    func sleep(for duration: Duration) async throws { try await timers.sleep(for: duration) }

    /// How long the reader has not been heard of.
    var silence: Duration { timers.now - state.withLock { $0.lastHeard } }

    func receive(_ reply: Message) {
        let waiters = state.withLock { state in
            state.allowed = max(state.allowed, reply.headers.integer(Headers.Standard.credit) ?? 0)
            // One that has never allowed an element reads none.
            if state.allowed > 0 { state.lastHeard = timers.now }
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    func fail(_ error: any Error) {
        let waiters = state.withLock { state in
            state.failure = state.failure ?? error
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Uses one element's credit, suspending until there is some.
    ///
    /// - Throws: what the gate failed with, or `CancellationError`.
    func pass() async throws {
        while true {
            try Task.checkCancellation()
            let passes = try state.withLock { state in
                if let failure = state.failure { throw failure }
                guard state.used < state.allowed else { return false }
                state.used += 1
                return true
            }
            if passes { return }
            await waitForNews()
        }
    }

    /// An element did not leave: the next one may go instead.
    func giveBack() {
        let waiters = state.withLock { state in
            state.used -= 1
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    private func waitForNews(isolation: isolated (any Actor)? = #isolation) async {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            // Captured, it has this run where the caller runs.
            _ = isolation
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let waits = state.withLock { state in
                    guard state.used >= state.allowed, state.failure == nil, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
