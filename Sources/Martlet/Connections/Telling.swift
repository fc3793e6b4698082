import DequeModule
import Synchronization

/// What is to be told outside a lock, in the order in which it was decided under one.
///
/// Telling may resume a task, and that waits for whoever is cancelling the task at the moment, whose cancellation
/// handlers may in turn want the lock: so nobody is told while it is held. See also ``tell(_:)``.
final class Telling<Element: Sendable>: Sendable {
    private struct State {
        var waiting: Deque<Element> = []
        var isTelling = false
    }

    private let state = Mutex(State())

    /// Adds what is to be told; tells nobody. Whoever adds also calls ``tell(_:)``, when it holds no lock.
    func add(_ element: Element) {
        state.withLock { $0.waiting.append(element) }
    }

    /// Tells all that waits. Where another thread is at it, or this one further up, that one tells this as well, and this
    /// returns at once.
    func tell(_ body: (Element) -> Void) {
        var isMine = false
        while let element = next(&isMine) { body(element) }
    }

    private func next(_ isMine: inout Bool) -> Element? {
        state.withLock { state in
            guard isMine || !state.isTelling else { return nil }
            let element = state.waiting.popFirst()
            isMine = element != nil
            state.isTelling = isMine
            return element
        }
    }
}
