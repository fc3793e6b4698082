/// How long something that ended waits until it is run again. A pure value.
struct Restarts {
    private let backoff: Backoff
    private var attempt = 0

    init(_ backoff: Backoff) {
        self.backoff = backoff
    }

    /// - Parameter run: how long it ran this time; longer than the longest delay means that it had recovered.
    /// - Returns: the delay, or `nil` if no attempt is left.
    mutating func delay(afterRunOf run: Duration) -> Duration? {
        if run > backoff.maximum { attempt = 0 }
        defer { attempt += 1 }
        return backoff.delay(before: attempt)
    }
}
