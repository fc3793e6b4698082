/// How long to wait before trying again: longer each time, up to a limit, and never in step with others.
///
/// The delay before attempt *n* is drawn evenly between `(1 - jitter)` times and once
/// `initial × multiplierⁿ`, with `maximum` as the upper bound. Spreading the attempts keeps a thousand clients that
/// lost the same broker from returning in the same instant.
public struct Backoff: Sendable, Hashable {
    /// The first delay.
    public var initial: Duration
    /// The longest delay.
    public var maximum: Duration
    /// By how much each delay is longer than the one before.
    public var multiplier: Double
    /// How much of a delay is left to chance, from 0 to 1.
    public var jitter: Double
    /// How many attempts are made; `nil`: for ever.
    public var attempts: Int?

    /// From 100 ms doubling up to 30 s, half of it by chance, for ever, unless told.
    public init(
        initial: Duration = .milliseconds(100),
        maximum: Duration = .seconds(30),
        multiplier: Double = 2,
        jitter: Double = 0.5,
        attempts: Int? = nil
    ) {
        self.initial = initial
        self.maximum = maximum
        self.multiplier = multiplier
        self.jitter = jitter
        self.attempts = attempts
    }

    /// The delay before an attempt, counted from 0; `nil` if no more attempts are to be made.
    public func delay(
        before attempt: Int,
        using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        if let attempts, attempt >= attempts { return nil }
        let growth = multiplier > 1 ? multiplier : 1
        // Bounding the exponent keeps the product finite; it is at the maximum long before.
        var seconds = initial.seconds
        for _ in 0..<max(0, min(attempt, 1_000)) where seconds < maximum.seconds { seconds *= growth }
        let bound = max(0, min(seconds, maximum.seconds))
        let share = jitter > 0 ? min(jitter, 1) : 0
        return .seconds(bound * (1 - share * Double.random(in: 0...1, using: &generator)))
    }

    /// The delay before an attempt, counted from 0; `nil` if no more attempts are to be made.
    public func delay(before attempt: Int) -> Duration? {
        var generator = SystemRandomNumberGenerator()
        return delay(before: attempt, using: &generator)
    }
}
