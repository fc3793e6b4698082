import Martlet
import MartletTransport

/// Asks the broker at times whether it is there, and ends a link over which nothing comes. A part of its session, on the
/// session's loop.
final class Pulse {
    private var keepAlive: KeepAlive?
    private var ticker: Timers.ID?

    /// - Parameter interval: what was agreed on with the broker; zero: it is not asked.
    func start(_ interval: Duration, _ session: isolated MQTTSession) {
        stop(session)
        guard interval > .zero else { return }
        let keepAlive = KeepAlive(interval: interval, now: session.runtime.timers.now)
        self.keepAlive = keepAlive
        schedule(keepAlive.tick, session)
    }

    func stop(_ session: isolated MQTTSession) {
        if let ticker { session.runtime.timers.cancel(ticker) }
        ticker = nil
        keepAlive = nil
    }

    /// Something has come from the broker.
    func heard(_ now: Duration) { keepAlive?.heard(now) }

    private func schedule(_ interval: Duration, _ session: isolated MQTTSession) {
        ticker = session.later(interval) { $0.pulse.tick($0) }
    }

    private func tick(_ session: isolated MQTTSession) {
        guard session.keeper.isUp,
            let verdict = keepAlive?.check(session.runtime.timers.now, isDeaf: session.reading.isDeaf(session))
        else { return }
        if let keepAlive { schedule(keepAlive.tick, session) }
        session.attend {
            switch verdict {
            case .nothing: break
            case .ping: try session.client.keepAlive()
            // Something that every broker takes from every client, and that means nothing to it.
            case .nudge: _ = session.client.unsubscribe(from: Subscriptions.nothing)
            case .dead:
                throw MessagingError(
                    .connectionLost,
                    "nothing was heard of the broker for one and a half times the keep-alive interval"
                )
            }
        }
    }
}
