import DequeModule

/// What is remembered of goals for a time: so many of them, so long. A pure value; time is passed in.
struct GoalMemory<Value> {
    private let limit: Int
    private let lifetime: Duration
    private var values: [GoalID: Value] = [:]
    private var order: Deque<Remembered> = []

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
        order.append(Remembered(id: id, forgetAt: now + lifetime))
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

/// Of which goal something is remembered, and until when. Outside of the generic type, so that a queue of these is compiled for
/// them alone: where it was not, every look at it had the runtime find out its type.
private struct Remembered {
    let id: GoalID
    let forgetAt: Duration
}
