/// How many messages a route passes on a second.
public struct RateLimit: Sendable, Hashable {
    /// How the other messages are treated.
    public enum Excess: Sendable, Hashable {
        /// They wait their turn, and their source is held back.
        case wait
        /// They are dropped, and counted.
        case drop
    }

    /// How many pass a second, over time; at least a millionth.
    public var perSecond: Double
    /// How many pass at once after a pause.
    public var burst: Int
    /// How the other messages are treated.
    public var excess: Excess

    /// - Parameters:
    ///   - perSecond: how many pass in a second.
    ///   - burst: how many pass at once after a pause; by default one.
    ///   - excess: by default the others wait.
    public init(perSecond: Double, burst: Int = 1, excess: Excess = .wait) {
        self.perSecond = perSecond
        self.burst = burst
        self.excess = excess
    }
}

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
