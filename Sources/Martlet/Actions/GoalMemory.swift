import DequeModule

/// What is remembered of goals for a time: so many of them, so long. A pure value; time is passed in.
struct GoalMemory<Value> {
    private struct Entry {
        let id: GoalID
        let forgetAt: Duration
    }

    private let limit: Int
    private let lifetime: Duration
    private var values: [GoalID: Value] = [:]
    private var order: Deque<Entry> = []

    init(limit: Int, lifetime: Duration) {
        self.limit = limit
        self.lifetime = lifetime
    }

    var count: Int { values.count }
    /// When the oldest is forgotten.
    var nextExpiry: Duration? { order.first?.forgetAt }

    subscript(id: GoalID) -> Value? { values[id] }

    /// Remembers something about a goal; what is known of it already stays.
    mutating func insert(_ value: Value, for id: GoalID, now: Duration) {
        guard values[id] == nil else { return }
        values[id] = value
        order.append(Entry(id: id, forgetAt: now + lifetime))
        if order.count > limit, let oldest = order.popFirst() { values[oldest.id] = nil }
    }

    /// Changes what is remembered of a goal, if anything is.
    mutating func update(_ id: GoalID, _ change: (inout Value) -> Void) {
        guard var value = values[id] else { return }
        change(&value)
        values[id] = value
    }

    func contains(where condition: (Value) -> Bool) -> Bool { values.values.contains(where: condition) }

    mutating func expire(at now: Duration) {
        while let oldest = order.first, oldest.forgetAt <= now {
            order.removeFirst()
            values[oldest.id] = nil
        }
    }
}
