import Martlet
import MartletTransport

/// When the socket is read, and when it is left alone so that what comes waits with the broker. A part of its session, on the
/// session's loop.
final class Reading {
    private var watch: Watch?
    private var backlog = Backlog()
    /// Those have left for whom the broker keeps what comes.
    private var isResting = false
    /// When it has to be seen again whether the socket is read.
    private var again: Timers.ID?

    /// Watches the socket that the library's client has now.
    func begin(_ session: isolated MQTTSession) {
        guard let socket = session.client.descriptor else { return }
        watch = session.loop.watch(socket, for: session.client.interest(reads: true)) { [weak session] ready in
            session?.assumeIsolated { $0.socketReady(ready) }
        }
    }

    func end(_ session: isolated MQTTSession) {
        watch?.cancel()
        watch = nil
        look(again: nil, session)
    }

    /// Watches the socket for what is wanted of it.
    func updateInterest(_ session: isolated MQTTSession) {
        guard let watch, !watch.isCancelled else { return }
        let held = session.subscriptions.isHeld(isReading: session.awaitsAnswer)
        isResting = held.isHeld
        if session.client.withhold(held.withholds) { session.bell.ring() }
        look(again: held.again, session)
        watch.interest = session.client.interest(reads: !isDeaf(session))
    }

    private func look(again time: Duration?, _ session: isolated MQTTSession) {
        if let again { session.runtime.timers.cancel(again) }
        again = time.map { session.later(at: $0) { $0.reading.updateInterest($0) } }
    }

    /// Whether the socket is not read: a reader is behind, or the session rests.
    ///
    /// While an answer of the broker is awaited it is read on, as far as the backlog may go: what a reader that is behind
    /// waits for may be that answer.
    func isDeaf(_ session: isolated MQTTSession) -> Bool {
        guard session.keeper.isUp, session.gate.isClosed || isResting else { return false }
        return !session.awaitsAnswer || !backlog.hasRoom || session.client.withheldBytes > Self.withheldMost
    }

    /// How many bytes of messages that nobody takes are read for an answer's sake.
    private static let withheldMost = 16 << 20

    /// A message was read.
    func read(bytes: Int, isBehind: Bool) { backlog.read(bytes: bytes, isBehind: isBehind) }

    /// Reads once; then others on this loop have their turn, and what is left makes the socket ready again. What TLS has read
    /// does not: that is read on, a record each time, and after some of them the bell is rung for the rest.
    func receive(_ session: isolated MQTTSession) throws {
        var records = 0
        while try session.client.read(), session.client.readsAhead, !isDeaf(session) {
            records += 1
            guard records < 8 else {
                session.bell.ring()
                break
            }
        }
        if session.client.hasReadDry { session.subscriptions.readDry() }
        if session.client.takePause() { session.loop.pause() }
        // The broker may hold back what follows a small packet until it knows that this has arrived (RFC 896).
        if let socket = session.client.descriptor { SocketOptions.setQuickAcknowledgement(socket) }
    }
}
