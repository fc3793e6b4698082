import DequeModule

/// How far the messages of a durable subscription have been settled. A pure value.
///
/// They may be settled in any order; a position is reached once all before it are.
struct SourceProgress: Sendable {
    private struct Entry {
        let position: String?
        var isSettled = false
    }

    private var entries: Deque<Entry> = []
    /// The tag of the first entry.
    private var first: UInt64 = 0

    /// How many messages are under way, counted from the first that is not settled.
    var count: Int { entries.count }

    /// A message is handed out.
    ///
    /// - Returns: by which tag it is settled.
    mutating func begin(_ position: String?) -> UInt64 {
        entries.append(Entry(position: position))
        return first + UInt64(entries.count - 1)
    }

    /// A message is done with.
    ///
    /// - Returns: the position that is reached by that, if it is another one.
    mutating func settle(_ tag: UInt64) -> String? {
        guard tag >= first, tag - first < UInt64(entries.count) else { return nil }
        entries[Int(tag - first)].isSettled = true
        var reached: String?
        while let entry = entries.first, entry.isSettled {
            entries.removeFirst()
            first += 1
            reached = entry.position ?? reached
        }
        return reached
    }
}
