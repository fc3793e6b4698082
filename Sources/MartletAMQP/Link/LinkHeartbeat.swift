/// Whether the broker is still there, and whether it has to be told that we are (AMQP 0-9-1, 4.2.7). A pure value.
struct LinkHeartbeat {
    enum Verdict {
        case nothing
        case send
        case dead
    }

    let interval: Duration
    private var read = 0
    private var written = 0
    private var lastHeard: Duration
    private var lastSaid: Duration

    /// - Parameter now: by the connection's clock.
    init(interval: Duration, now: Duration) {
        self.interval = interval
        lastHeard = now
        lastSaid = now
    }

    /// After how long to look again.
    var tick: Duration { interval / 4 }

    /// Nobody has listened for a while, so that the silence is none of the broker's.
    mutating func excuse(_ now: Duration) { lastHeard = now }

    /// - Parameters:
    ///   - read: how many bytes were read so far.
    ///   - written: how many bytes were written so far.
    ///   - isDeaf: whether nothing is read at the moment, so that silence means nothing.
    ///   - now: by the connection's clock.
    mutating func check(read: Int, written: Int, isDeaf: Bool, now: Duration) -> Verdict {
        if read != self.read || isDeaf {
            self.read = read
            lastHeard = now
        }
        if written != self.written {
            self.written = written
            lastSaid = now
        }
        // Two intervals, and what it takes to look.
        if now - lastHeard > interval * 2 + tick { return .dead }
        return now - lastSaid >= interval / 2 ? .send : .nothing
    }
}
