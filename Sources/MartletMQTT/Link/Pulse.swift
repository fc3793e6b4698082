import Martlet
import MartletTransport

/// Asks the broker at times whether it is there, and ends a link over which nothing comes. A part of its session, on the
/// session's loop.
final class Pulse {
    private var keepAlive: KeepAlive?
    private var progress = QuestionProgress()
    private var ticker: Timers.ID?

    /// - Parameter interval: what was agreed on with the broker; zero: it is not asked.
    func start(_ interval: Duration, _ session: isolated MQTTSession) {
        stop(session)
        guard interval > .zero else { return }
        let keepAlive = KeepAlive(interval: interval, now: session.runtime.timers.now)
        self.keepAlive = keepAlive
        progress = QuestionProgress()
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
        let time = session.runtime.timers.now + interval
        ticker = session.later(at: time) { $0.pulse.tick(time, $0) }
    }

    private func tick(_ time: Duration, _ session: isolated MQTTSession) {
        guard session.keeper.isUp, let interval = keepAlive?.tick else { return }
        let timers = session.runtime.timers
        schedule(interval, session)
        // This process did not run for a while: the broker was asked nothing, or its answer has not been read yet. All the more
        // it has to hear of this side now.
        if timers.delay(since: time) > interval { keepAlive?.excuse(timers.now) }
        if progress.advances(to: session.client.arrivedBytes) { keepAlive?.excuse(timers.now) }
        let isDeaf = session.reading.isDeaf(session)
        let verdict = keepAlive?.check(timers.now, isDeaf: isDeaf, hasSent: session.client.takeHasSent())
        session.attend {
            switch verdict {
            case .nothing, nil: break
            case .ping: progress.asked(upTo: session.client.ping())
            case .dead:
                throw MessagingError(
                    .connectionLost,
                    "nothing was heard of the broker for one and a half times the keep-alive interval"
                )
            }
        }
    }
}
