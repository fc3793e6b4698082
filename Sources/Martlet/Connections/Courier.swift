import DequeModule
import Synchronization

/// Sends what code that can't wait has to say: a cancellation from a `deinit` or a cancellation handler.
///
/// Notices leave in order, by one task that exists while there are any. At most 4,096 wait, of 16 MiB: one more is dropped
/// and counted, for the other side ends such work at its deadline anyway.
package final class Courier: Sendable {
    private struct State {
        var notices: Deque<Notice> = []
        var bytes = 0
        var carrier: Task<Void, Never>?
        /// Told when nothing waits any more.
        var watchers: [Promise<Void>] = []
        var dropped = 0
        var isStopped = false
    }

    private struct Notice {
        let bytes: Int
        let send: @Sendable () async throws -> Void
    }

    private static let limit = 4_096
    private static let maximumBytes = 16 << 20
    private let state = Mutex(State())

    deinit {
        state.withLock { $0.carrier }?.cancel()
    }

    package var dropped: Int { state.withLock { $0.dropped } }

    /// Has something sent, soon. What it throws is dropped.
    ///
    /// - Parameter bytes: how many it keeps until then, of what a peer has sent. One notice may be of any size.
    package func post(bytes: Int = 0, _ notice: @escaping @Sendable () async throws -> Void) {
        state.withLock { state in
            let hasRoom = state.notices.count < Self.limit && state.bytes < Self.maximumBytes
            guard !state.isStopped, hasRoom else {
                state.dropped += 1
                return
            }
            state.notices.append(Notice(bytes: bytes, send: notice))
            state.bytes += bytes
            guard state.carrier == nil else { return }
            // Owned: it ends when nothing waits, and is cancelled by `stop()` and `deinit`.
            state.carrier = Task { [weak self] in
                while let notice = self?.next() { try? await notice() }
            }
        }
    }

    private func next() -> (@Sendable () async throws -> Void)? {
        let (notice, watchers): ((@Sendable () async throws -> Void)?, [Promise<Void>]) = state.withLock { state in
            if let notice = state.notices.popFirst() {
                state.bytes -= notice.bytes
                return (notice.send, [])
            }
            state.carrier = nil
            defer { state.watchers = [] }
            return (nil, state.watchers)
        }
        for watcher in watchers { watcher.end(.success(())) }
        return notice
    }

    /// What is told when all that waits now has been sent; `nil` if nothing waits.
    func delivery() -> Promise<Void>? {
        state.withLock { state in
            guard state.carrier != nil else { return nil }
            let watcher = Promise<Void>()
            state.watchers.append(watcher)
            return watcher
        }
    }

    /// Drops what waits and ends the task.
    package func stop() async {
        let (carrier, watchers) = state.withLock { state in
            state.isStopped = true
            state.notices.removeAll()
            state.bytes = 0
            defer { state.watchers = [] }
            return (state.carrier.take(), state.watchers)
        }
        for watcher in watchers { watcher.end(.success(())) }
        carrier?.cancel()
        await carrier?.value
    }
}
