import DequeModule

/// The IDs of the messages that arrived last, to know one that comes again. A pure value.
struct DuplicateWindow: Sendable {
    private let limit: Int
    private var ids: Set<String> = []
    private var order: Deque<String> = []

    init(limit: Int) {
        self.limit = limit
    }

    func contains(_ id: String) -> Bool { ids.contains(id) }

    /// Remembers a message that has arrived, and forgets the oldest if there are too many.
    mutating func record(_ id: String) {
        guard ids.insert(id).inserted else { return }
        order.append(id)
        if order.count > limit { ids.remove(order.removeFirst()) }
    }
}
