/// When to ask the broker whether it is there, and when to believe that it is not. A pure value, asked at each tick, which is
/// told the time of the connection's clock.
///
/// A broker drops a client that it has not heard of for one and a half times the interval (MQTT 5, 3.1.2.10); the
/// same is done here the other way round.
struct KeepAlive {
    enum Verdict: Equatable {
        case nothing
        /// The library is to see whether a PINGREQ is due.
        case ping
        /// The broker has to hear of this side, which can't hear its answer. The library would take a second PINGREQ
        /// without an answer for the end.
        case nudge
        /// Nothing has come for one and a half intervals.
        case dead
    }

    let interval: Duration
    private var lastHeard: Duration
    private var lastNudge: Duration?

    init(interval: Duration, now: Duration) {
        self.interval = interval
        lastHeard = now
    }

    /// How long it is between two ticks.
    var tick: Duration { max(interval / 4, .milliseconds(250)) }

    /// Something has come from the broker.
    mutating func heard(_ now: Duration) {
        lastHeard = now
        lastNudge = nil
    }

    /// Nobody has listened for a while, so that the silence is none of the broker's.
    mutating func excuse(_ now: Duration) { lastHeard = now }

    /// - Parameter isDeaf: whether the socket is not read at the moment, because a reader is behind. The broker's
    ///   silence then means nothing.
    mutating func check(_ now: Duration, isDeaf: Bool) -> Verdict {
        if isDeaf {
            lastHeard = now
            if let lastNudge, now - lastNudge < interval / 2 { return .nothing }
            lastNudge = now
            return .nudge
        }
        if now - lastHeard >= interval * 1.5 { return .dead }
        // After a time of deafness the first thing that is read tells whether the broker is there.
        return lastNudge == nil ? .ping : .nothing
    }
}
