/// How many clients may connect in a time: as many as the limit says in a second, and as many at once. A pure value; time is passed
/// in.
struct ConnectRate: Sendable {
    private let limit: Double
    private var left: Double
    private var last: Duration?

    /// - Parameter limit: clients a second.
    init(_ limit: Int) {
        self.limit = Double(max(1, limit))
        left = self.limit
    }

    /// Whether one more may connect now.
    mutating func admits(at now: Duration) -> Bool {
        if let last, now > last { left = min(limit, left + (now - last) / .seconds(1) * limit) }
        last = max(now, last ?? now)
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
