import Martlet

/// The broker's clock and the time of day. On a disk there is only the latter: it goes on while the broker is down.
struct WallTime: Sendable, Hashable {
    /// What the time of day is ahead of the broker's clock.
    private var lead: Duration

    /// - Parameters:
    ///   - now: the time by the broker's clock.
    ///   - nanoseconds: the time of day, since 1970.
    init(_ now: Duration, is nanoseconds: Int64) {
        lead = .nanoseconds(nanoseconds) - now
    }

    /// A time of the broker's clock, in nanoseconds since 1970.
    func nanoseconds(_ time: Duration) -> Int64 { (time + lead).wholeNanoseconds }

    /// A time of day by the broker's clock.
    func time(_ nanoseconds: Int64) -> Duration { .nanoseconds(nanoseconds) - lead }
}
