import Synchronization

/// What the broker told beside the answers, and those who want to know.
final class EventBroadcast: Sendable {
    private struct State {
        var blocked: String?
        var lastID = 0
        var isFinished = false
        var watchers: [Int: AsyncStream<AMQPEvent>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// Why the broker takes no publishes; `nil`: it does.
    var blocked: String? { state.withLock { $0.blocked } }

    func set(blocked reason: String?) {
        state.withLock { $0.blocked = reason }
        post(reason.map(AMQPEvent.blocked) ?? .unblocked)
    }

    func post(_ event: AMQPEvent) {
        let watchers = state.withLock { Array($0.watchers.values) }
        for watcher in watchers { watcher.yield(event) }
    }

    /// A watcher that falls behind misses the older ones of sixteen.
    func stream() -> AsyncStream<AMQPEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: AMQPEvent.self, bufferingPolicy: .bufferingNewest(16))
        let id: Int? = state.withLock { state in
            guard !state.isFinished else { return nil }
            state.lastID += 1
            state.watchers[state.lastID] = continuation
            return state.lastID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.watchers.removeValue(forKey: id) }
        }
        return stream
    }

    func finish() {
        let watchers = state.withLock { state in
            state.isFinished = true
            defer { state.watchers.removeAll() }
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.finish() }
    }
}
