/// When to ask the broker whether it is there, and when to believe that it is not. A pure value, asked at each tick, which is
/// told the time of the connection's clock.
///
/// A client has to send something within each interval, and a broker drops one that it has not heard of for one and a half
/// (MQTT 5, 3.1.2.10). The same is done here the other way round. To be in time on a busy machine, too, it is asked after half
/// an interval in which one side was silent.
struct KeepAlive {
    enum Verdict: Equatable {
        case nothing
        /// A PINGREQ is due.
        case ping
        /// Nothing has come for one and a half intervals.
        case dead
    }

    let interval: Duration
    private var lastHeard: Duration
    private var lastSent: Duration
    private var lastPing: Duration

    init(interval: Duration, now: Duration) {
        self.interval = interval
        (lastHeard, lastSent, lastPing) = (now, now, now)
    }

    /// How long it is between two ticks.
    var tick: Duration { max(interval / 4, .milliseconds(250)) }

    /// Something has come from the broker.
    mutating func heard(_ now: Duration) { lastHeard = now }

    /// Nobody has listened for a while, so that the silence is none of the broker's.
    mutating func excuse(_ now: Duration) { lastHeard = now }

    /// - Parameters:
    ///   - isDeaf: whether the socket is not read at the moment, because a reader is behind. The broker's silence then means
    ///     nothing.
    ///   - hasSent: whether something was sent since this was asked last.
    mutating func check(_ now: Duration, isDeaf: Bool, hasSent: Bool) -> Verdict {
        if hasSent { lastSent = now }
        if isDeaf { lastHeard = now }
        if now - lastHeard >= interval * 1.5 { return .dead }
        guard now - min(lastHeard, lastSent) >= interval / 2, now - lastPing >= interval / 2 else { return .nothing }
        (lastSent, lastPing) = (now, now)
        return .ping
    }
}
