import Synchronization

/// A connection's state, and those who watch it.
package final class StateBroadcast: Sendable {
    private struct Watchers {
        var state: ConnectionState
        var lastID = 0
        var continuations: [Int: AsyncStream<ConnectionState>.Continuation] = [:]
    }

    private struct Change: Sendable {
        let state: ConnectionState
        let watchers: [AsyncStream<ConnectionState>.Continuation]
    }

    private let watchers: Mutex<Watchers>
    private let changes = Telling<Change>()

    init(_ state: ConnectionState) {
        watchers = Mutex(Watchers(state: state))
    }

    package var state: ConnectionState { watchers.withLock { $0.state } }

    /// Tells every watcher of a change. Nothing follows `closed`.
    package func set(_ new: ConnectionState) {
        watchers.withLock { watchers in
            guard watchers.state != new, watchers.state != .closed else { return }
            watchers.state = new
            let inOrder = watchers.continuations.sorted { $0.key < $1.key }
            changes.add(Change(state: new, watchers: inOrder.map(\.value)))
        }
        // Outside the lock: `onTermination` takes it, which is called by finishing, and where a watcher is cancelled.
        changes.tell { change in
            for watcher in change.watchers {
                watcher.yield(change.state)
                if change.state == .closed { watcher.finish() }
            }
        }
    }

    /// The present state and every later one. A watcher that falls behind misses the older ones of sixteen.
    func stream() -> AsyncStream<ConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionState.self,
            bufferingPolicy: .bufferingNewest(16)
        )
        let id: Int? = watchers.withLock { watchers in
            continuation.yield(watchers.state)
            guard watchers.state != .closed else { return nil }
            watchers.lastID += 1
            watchers.continuations[watchers.lastID] = continuation
            return watchers.lastID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.watchers.withLock { _ = $0.continuations.removeValue(forKey: id) }
        }
        return stream
    }
}
