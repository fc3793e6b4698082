import MartletTransport
import Synchronization

/// By what other threads call a session's loop: there is something in the outbox, or a reader has caught up.
///
/// It exists before the session, whose parts ring it, and does not keep it.
final class Bell: Sendable {
    private struct Listener {
        weak var session: RedisSession?
    }

    private let loop: EventLoop
    private let listener = Mutex(Listener())

    init(_ loop: EventLoop) {
        self.loop = loop
    }

    func listen(_ session: RedisSession) {
        listener.withLock { $0.session = session }
    }

    /// Has the session look for work, soon. From any thread.
    func ring() {
        loop.execute { [self] in answer() }
    }

    /// Has the session send what is in the outbox, soon. From any thread.
    func ringForCommands() {
        loop.execute { [self] in
            let session = listener.withLock { $0.session }
            session?.assumeIsolated { $0.send() }
        }
    }

    /// Has the session look for work now. On its loop.
    func answer() {
        let session = listener.withLock { $0.session }
        session?.assumeIsolated { $0.work() }
    }
}
