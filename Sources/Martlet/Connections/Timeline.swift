/// A clock whose times are durations since it was made, so that code need not be generic over clocks.
package struct Timeline: Sendable {
    private let elapsed: @Sendable () -> Duration
    private let wait: @Sendable (Duration) async throws -> Void
    /// Whether nobody moves the clock.
    private let isReal: Bool

    package init(_ clock: any Clock<Duration> = ContinuousClock()) {
        // The one that is hardly ever another: its type is known here, so that to ask for the time costs a tenth.
        if let clock = clock as? ContinuousClock { self.init(opening: clock) } else { self.init(opening: clock) }
    }

    private init<C: Clock<Duration>>(opening clock: C) {
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
        wait = { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) }
        isReal = clock is ContinuousClock
    }

    /// The time since the timeline was made.
    package var now: Duration { elapsed() }

    /// How much later it is than a time at which something was to be done: for so long this process did not run, or had no
    /// processor. Nothing is late by a clock that is moved by hand.
    package func delay(since time: Duration) -> Duration { isReal ? max(.zero, now - time) : .zero }

    /// Sleeps until a time; throws `CancellationError` if the task is cancelled.
    package func sleep(until time: Duration) async throws {
        try await wait(time.capped)
    }

    /// Sleeps for a while.
    package func sleep(for duration: Duration) async throws {
        try await sleep(until: now + duration.capped)
    }
}
