import Martlet
import Synchronization

/// Messages on their way out that others are to overtake. Each leaves after so many others, or when its time is
/// over, or when everything is flushed: in the end every one leaves.
final class HeldBack: Sendable {
    typealias Forward = @Sendable () async throws -> Void

    private struct Held {
        let forward: Forward
        var others: Int
        let timer: Timers.ID
    }

    private struct State {
        var held: [UInt64: Held] = [:]
        /// Those that are leaving. They are owned here, and awaited by `flush()`.
        var leaving: [UInt64: Task<Void, Never>] = [:]
        var lastID: UInt64 = 0
    }

    /// More at a time pass at once: what is held takes memory, and its senders do not wait.
    private static let limit = 64
    private let timers: Timers
    private let state = Mutex(State())

    init(timers: Timers) {
        self.timers = timers
    }

    /// - Returns: whether it was taken; if not, the caller sends it.
    func hold(others: Int, atMost limit: Duration, _ forward: @escaping Forward) -> Bool {
        state.withLock { state in
            guard state.held.count < Self.limit else { return false }
            state.lastID += 1
            let id = state.lastID
            let timer = timers.schedule(at: timers.now + limit) { [weak self] in self?.release(id) }
            state.held[id] = Held(forward: forward, others: others, timer: timer)
            return true
        }
    }

    /// Another message has passed.
    func passed() {
        let due: [UInt64] = state.withLock { state in
            guard !state.held.isEmpty else { return [] }
            for id in state.held.keys { state.held[id]?.others -= 1 }
            return state.held.filter { $0.value.others <= 0 }.keys.sorted()
        }
        for id in due { release(id) }
    }

    private func release(_ id: UInt64) {
        let timer = state.withLock { state -> Timers.ID? in
            guard let held = state.held.removeValue(forKey: id) else { return nil }
            state.leaving[id] = Task { [weak self] in
                // The sender has gone on: as on a real link, nobody hears what became of it.
                try? await held.forward()
                self?.state.withLock { _ = $0.leaving.removeValue(forKey: id) }
            }
            return held.timer
        }
        if let timer { timers.cancel(timer) }
    }

    /// Has everything leave, in order of its coming, and returns when it has.
    func flush() async {
        for id in state.withLock({ $0.held.keys.sorted() }) { release(id) }
        while let task = state.withLock({ $0.leaving.min { $0.key < $1.key }?.value }) {
            await task.value
            // The task takes itself out just before it ends.
        }
    }
}
