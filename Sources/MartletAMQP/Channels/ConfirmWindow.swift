import DequeModule

/// The publishes of one channel that the broker has not yet confirmed, by the numbers that both sides count. A pure value.
struct ConfirmWindow<Item> {
    /// What became of a publish.
    enum Outcome {
        case confirmed
        /// The broker did not take it.
        case refused
        /// It was returned: nobody takes it.
        case returned(ServerMethod.Returned)
    }

    private struct Entry {
        var item: Item
        var returned: ServerMethod.Returned?
    }

    /// What is open, and gaps where something was confirmed out of turn.
    private var entries: Deque<Entry?> = []
    private var first: UInt64 = 1
    private(set) var count = 0

    /// The number of the next publish.
    var next: UInt64 { first + UInt64(entries.count) }

    /// A message was sent, under the number ``next``.
    mutating func add(_ item: Item) {
        entries.append(Entry(item: item))
        count += 1
    }

    /// The broker returned a message.
    ///
    /// - Parameter number: by which it was sent. Of no meaning if the broker made it up.
    mutating func returned(_ number: UInt64, _ returned: ServerMethod.Returned) {
        guard number >= first, number - first < UInt64(entries.count) else { return }
        entries[Int(number - first)]?.returned = returned
    }

    /// The broker's word on a message, or on all up to it; zero and multiple: all.
    ///
    /// - Returns: what that was, in order. Nothing for a number that is not open.
    mutating func conclude(_ number: UInt64, multiple: Bool, isTaken: Bool) -> [(Item, Outcome)] {
        var concluded: [(Item, Outcome)] = []
        func conclude(_ entry: Entry) {
            let outcome: Outcome = entry.returned.map(Outcome.returned) ?? (isTaken ? .confirmed : .refused)
            concluded.append((entry.item, outcome))
        }
        let last = number == 0 && multiple ? next - 1 : number
        guard last >= first, last - first < UInt64(entries.count) else { return [] }
        if multiple {
            while first <= last, let entry = entries.popFirst() {
                first += 1
                if let entry { conclude(entry) }
            }
        } else if let entry = entries[Int(last - first)] {
            entries[Int(last - first)] = nil
            conclude(entry)
        }
        while let entry = entries.first, entry == nil {
            entries.removeFirst()
            first += 1
        }
        count -= concluded.count
        return concluded
    }

    /// Forgets the channel.
    ///
    /// - Returns: what was open, in order.
    mutating func removeAll() -> [Item] {
        let items = entries.compactMap { $0?.item }
        self = ConfirmWindow()
        return items
    }
}
