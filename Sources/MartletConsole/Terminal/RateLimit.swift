/// Lets something happen at most once in an interval.
package struct RateLimit: Sendable {
    private let interval: Duration
    private var last: ContinuousClock.Instant?

    /// Makes a limit that lets the first one through.
    package init(every interval: Duration) {
        self.interval = interval
    }

    /// Whether enough time has passed since the last time that the answer was yes.
    package mutating func allows(at now: ContinuousClock.Instant) -> Bool {
        if let last, last.duration(to: now) < interval { return false }
        last = now
        return true
    }
}
