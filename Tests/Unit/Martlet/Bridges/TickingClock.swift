import Synchronization

/// A clock by which a second goes by whenever somebody looks at it, besides the time that does.
final class TickingClock: Clock {
    private let ticks = Mutex(0)

    var now: ContinuousClock.Instant {
        let tick = ticks.withLock { ticks in
            ticks += 1
            return ticks
        }
        return .now + .seconds(tick)
    }

    var minimumResolution: Duration { .seconds(1) }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        try await ContinuousClock().sleep(until: deadline, tolerance: tolerance)
    }
}
