import Synchronization

/// A clock that stands still until it is set.
final class HandClock: Clock {
    struct Instant: InstantProtocol {
        var time: Duration

        func advanced(by duration: Duration) -> Instant { Instant(time: time + duration) }
        func duration(to other: Instant) -> Duration { other.time - time }
        static func < (a: Instant, b: Instant) -> Bool { a.time < b.time }
    }

    private let time = Mutex(Duration.zero)

    var now: Instant { Instant(time: time.withLock { $0 }) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func set(_ now: Duration) { time.withLock { $0 = max($0, now) } }

    /// Nobody sleeps here.
    func sleep(until _: Instant, tolerance _: Duration?) async throws { throw CancellationError() }
}
