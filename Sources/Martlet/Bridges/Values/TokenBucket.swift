/// How many messages may pass by now: so many a second, and after a pause a few at once. A pure value.
struct TokenBucket: Sendable {
    private let rate: RateLimit
    private var tokens: Double
    private var filledAt: Duration

    init(_ rate: RateLimit, now: Duration) {
        self.rate = rate
        tokens = Double(rate.burst)
        filledAt = now
    }

    /// Lets one pass.
    ///
    /// - Returns: `nil` if it may; otherwise how long until one may.
    mutating func take(at now: Duration) -> Duration? {
        tokens = min(Double(rate.burst), tokens + max(0, (now - filledAt).seconds) * rate.perSecond)
        filledAt = now
        guard tokens < 1 else {
            tokens -= 1
            return nil
        }
        return .seconds((1 - tokens) / rate.perSecond)
    }
}
