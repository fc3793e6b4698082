extension TestClock {
    /// A time of a ``TestClock``: how far it has been moved.
    public struct Instant: InstantProtocol, CustomStringConvertible {
        /// The time since the clock was made.
        public let offset: Duration

        /// A time so long after a clock was made.
        public init(offset: Duration) {
            self.offset = offset
        }

        /// The time a while later.
        public func advanced(by duration: Duration) -> Instant {
            Instant(offset: offset + duration)
        }

        /// How long it is until another time.
        public func duration(to other: Instant) -> Duration {
            other.offset - offset
        }

        /// The earlier time is less.
        public static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }

        /// The time since the clock was made.
        public var description: String { "\(offset)" }
    }
}
