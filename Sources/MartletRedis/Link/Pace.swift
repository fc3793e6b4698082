/// How long to wait before the server is asked again for what it has refused for a reason that passes: longer each time, and
/// a second at most. A pure value.
struct Pace: Sendable {
    private static let (first, longest) = (Duration.milliseconds(50), Duration.seconds(1))

    private var delay = first

    /// Whether nothing has been refused since ``reset()``.
    var isFresh: Bool { delay == Self.first }

    mutating func next() -> Duration {
        defer { delay = min(delay * 2, Self.longest) }
        return delay
    }

    /// The server has done it.
    mutating func reset() { delay = Self.first }
}
