import Synchronization

/// By what other threads call a session on its loop: there is something to send, or a reader has caught up.
///
/// It exists before the session, whose parts ring it. Once the session has ended it is silent: nothing reaches the loop
/// any more, which has no thread by then and would start one.
@usableFromInline
package final class Bell: Sendable {
    private struct State {
        var answer: (@Sendable () -> Void)?
        /// A ring that was not yet heard stands for all that follow.
        var isRinging = false
        var isSilent = false
    }

    package let loop: EventLoop
    private let state = Mutex(State())

    package init(_ loop: EventLoop) {
        self.loop = loop
    }

    /// - Parameter answer: called on the loop after a ring. It should not hold the session.
    package func listen(_ answer: @escaping @Sendable () -> Void) {
        state.withLock { $0.answer = answer }
    }

    /// Has the session look for work, soon. From any thread.
    @usableFromInline
    package func ring() {
        let isFirst = state.withLock { state in
            guard !state.isRinging, !state.isSilent else { return false }
            state.isRinging = true
            return true
        }
        guard isFirst else { return }
        loop.execute { [self] in
            let answer = state.withLock { state in
                state.isRinging = false
                return state.answer
            }
            answer?()
        }
    }

    /// Has the session look for work now. On its loop.
    package func answer() {
        let answer = state.withLock { $0.answer }
        answer?()
    }

    /// Does something on the loop, soon, unless the session has ended. From any thread.
    package func execute(_ work: @escaping @Sendable () -> Void) {
        if !state.withLock({ $0.isSilent }) { loop.execute(work) }
    }

    /// The session has ended.
    package func silence() {
        state.withLock { state in
            state.isSilent = true
            state.answer = nil
        }
    }
}
