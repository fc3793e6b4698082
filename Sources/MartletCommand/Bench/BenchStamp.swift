/// The time at which a message of the bench set out, in the message.
enum BenchStamp {
    /// How many bytes it takes.
    static let size = 8

    private static let start = ContinuousClock.now

    /// A body that says that it sets out now.
    static func body(_ size: Int) -> [UInt8] {
        var body = [UInt8](repeating: UInt8(ascii: "."), count: size)
        let time = nanoseconds
        for index in 0..<self.size { body[index] = UInt8(truncatingIfNeeded: time >> (8 * UInt64(index))) }
        return body
    }

    /// How many nanoseconds ago a body set out; `nil` if it is none of the bench's.
    static func age(of body: [UInt8]) -> UInt64? {
        guard body.count >= size else { return nil }
        let time = (0..<size).reduce(UInt64(0)) { $0 | UInt64(body[$1]) << (8 * UInt64($1)) }
        let now = nanoseconds
        return time <= now ? now - time : nil
    }

    private static var nanoseconds: UInt64 {
        // Set before it is subtracted: a static constant gets its value when it is first used.
        let start = start
        return UInt64((ContinuousClock.now - start) / .nanoseconds(1))
    }
}
