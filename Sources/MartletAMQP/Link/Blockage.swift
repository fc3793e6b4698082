/// Whether the broker takes publishes, and when the log was last told of a change. A pure value.
struct Blockage {
    /// Why it takes none; `nil`: it does.
    private(set) var reason: String?
    private var blockedLogged: Duration?
    private var unblockedLogged: Duration?

    /// - Parameter now: by the connection's clock.
    /// - Returns: whether the log is to be told aloud, as it is of either change once a minute.
    mutating func change(to reason: String?, at now: Duration) -> Bool {
        self.reason = reason
        return reason == nil ? Self.isDue(&unblockedLogged, now) : Self.isDue(&blockedLogged, now)
    }

    private static func isDue(_ last: inout Duration?, _ now: Duration) -> Bool {
        if let last, now - last < .seconds(60) { return false }
        last = now
        return true
    }
}
