import MartletTransport
import Synchronization

/// By what other threads call a session's loop: there is something to send or to settle, or a reader has caught up.
///
/// It exists before the session, whose parts ring it, and does not keep it.
final class Bell: Sendable {
    private struct Listener {
        weak var session: AMQPSession?
        /// A ring that was not yet heard stands for all that follow.
        var isRinging = false
    }

    private let loop: EventLoop
    private let listener = Mutex(Listener())

    init(_ loop: EventLoop) {
        self.loop = loop
    }

    func listen(_ session: AMQPSession) {
        listener.withLock { $0.session = session }
    }

    func ring() {
        let isFirst = listener.withLock { listener in
            defer { listener.isRinging = true }
            return !listener.isRinging
        }
        guard isFirst else { return }
        loop.execute { [self] in
            let session = listener.withLock { listener in
                listener.isRinging = false
                return listener.session
            }
            session?.assumeIsolated { $0.work() }
        }
    }
}
