/// What goes wrong again and again, such as what clients do wrong: counted, and logged so seldom that nobody can fill a disk by it.
package struct FaultLog: Sendable {
    private static let pause = Duration.seconds(10)

    private var last: ContinuousClock.Instant?
    private var unlogged = 0
    package private(set) var total = 0

    package init() {}

    /// Notes one more.
    ///
    /// - Returns: how many there were since the last line, this one among them, if there is to be one now.
    package mutating func note(at now: ContinuousClock.Instant) -> Int? {
        total += 1
        unlogged += 1
        if let last, now - last < Self.pause { return nil }
        last = now
        defer { unlogged = 0 }
        return unlogged
    }
}
