import Martlet
import Synchronization

/// At most one incoming thing that the next one is to overtake.
final class HeldOne<Value: Sendable>: Sendable {
    private struct Held {
        let value: Value
        var others: Int
        let timer: Timers.ID
    }

    private let timers: Timers
    private let pass: @Sendable (Value) -> Void
    private let held = Mutex<Held?>(nil)

    /// - Parameter pass: passes on what was held; must not wait.
    init(timers: Timers, pass: @escaping @Sendable (Value) -> Void) {
        self.timers = timers
        self.pass = pass
    }

    /// - Returns: whether it was taken; if not, it is not to be overtaken, for another one is already.
    func hold(_ value: Value, others: Int, atMost limit: Duration) -> Bool {
        held.withLock { held in
            guard held == nil else { return false }
            let timer = timers.schedule(at: timers.now + limit) { [weak self] in self?.release() }
            held = Held(value: value, others: others, timer: timer)
            return true
        }
    }

    /// Another one has passed.
    func passed() {
        let isDue = held.withLock { held in
            held?.others -= 1
            return held.map { $0.others <= 0 } ?? false
        }
        if isDue { release() }
    }

    func release() {
        guard let released = held.withLock({ $0.take() }) else { return }
        timers.cancel(released.timer)
        pass(released.value)
    }
}
