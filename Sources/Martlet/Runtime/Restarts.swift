/// How long something that ended waits until it is run again. A pure value, but for its jitter.
struct Restarts {
    private let backoff: Backoff
    private let random: RandomSource
    private var attempt = 0

    init(_ backoff: Backoff, _ random: RandomSource) {
        self.backoff = backoff
        self.random = random
    }

    /// - Parameter run: how long it ran this time; longer than the longest delay means that it had recovered.
    /// - Returns: the delay, or `nil` if no attempt is left.
    mutating func delay(afterRunOf run: Duration) -> Duration? {
        if run > backoff.maximum { attempt = 0 }
        defer { attempt += 1 }
        return random.delay(of: backoff, before: attempt)
    }
}
