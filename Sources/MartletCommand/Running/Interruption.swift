import Martlet
import Synchronization

/// Tells those who wait for it that the process was asked to end: by Ctrl-C (SIGINT) or SIGTERM.
final class Interruption: Sendable {
    private struct State {
        var exit: CommandExit?
        var waiting: [Promise<Void>] = []
    }

    private let state = Mutex(State())

    /// The exit code of an interrupted command; `nil` as long as nobody has asked for its end.
    var exit: CommandExit? { state.withLock { $0.exit } }

    func raise(_ exit: CommandExit) {
        let waiting = state.withLock { state in
            state.exit = state.exit ?? exit
            defer { state.waiting = [] }
            return state.waiting
        }
        for promise in waiting { promise.end(.success(())) }
    }

    /// Returns when the process is asked to end, at once if it has been.
    ///
    /// - Throws: `CancellationError`.
    func wait() async throws {
        let promise = Promise<Void>()
        let isRaised = state.withLock { state in
            state.waiting.removeAll { $0.hasEnded }
            if state.exit == nil { state.waiting.append(promise) }
            return state.exit != nil
        }
        if !isRaised { try await promise.value() }
    }
}
