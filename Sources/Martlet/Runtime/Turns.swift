import DequeModule
import Synchronization

/// Lets several tasks do their work one after the other, in the order in which they asked.
package final class Turns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: Deque<Promise<Void>> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// How many have a turn or wait for one.
    package var count: Int { state.withLock { ($0.isTaken ? 1 : 0) + $0.waiting.count } }

    /// Runs `body` when nobody else's runs.
    ///
    /// - Throws: what `body` throws; `CancellationError` if the task is cancelled before.
    package func take<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await begin()
        defer { end() }
        return try await body()
    }

    private func begin() async throws {
        try Task.checkCancellation()
        let turn: Promise<Void>? = state.withLock { state in
            guard state.isTaken else {
                state.isTaken = true
                return nil
            }
            let turn = Promise<Void>()
            state.waiting.append(turn)
            return turn
        }
        guard let turn else { return }
        do {
            try await turn.value()
        } catch {
            let hadItsTurn = state.withLock { state in
                guard let place = state.waiting.firstIndex(where: { $0 === turn }) else { return true }
                state.waiting.remove(at: place)
                return false
            }
            if hadItsTurn { end() }
            throw error
        }
    }

    /// The next one's turn, if there is one.
    private func end() {
        let next: Promise<Void>? = state.withLock { state in
            guard let next = state.waiting.popFirst() else {
                state.isTaken = false
                return nil
            }
            return next
        }
        next?.end(.success(()))
    }
}
