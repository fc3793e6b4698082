import DequeModule

/// The publishes of one channel that the broker has not yet confirmed, by the numbers that both sides count. A pure value.
///
/// It costs what is open, in whatever order the broker confirms: one message that is stuck, since its queue has lost most
/// of its nodes, does not make it keep places for those that came after.
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
        let number: UInt64
        /// `nil` once it was confirmed out of turn.
        var item: Item?
        let bytes: Int
        var returned: ServerMethod.Returned?
    }

    /// By their numbers.
    private var entries: Deque<Entry> = []
    /// The number of the next publish.
    private(set) var next: UInt64 = 1
    /// How many are open.
    private(set) var count = 0
    /// About how many bytes they keep.
    private(set) var bytes = 0
    /// Whether something was sent by this channel that is not in here.
    private(set) var hasSkipped = false

    /// A message was sent, under the number ``next``.
    ///
    /// - Parameter bytes: about what it costs to keep.
    mutating func add(_ item: Item, bytes: Int) {
        entries.append(Entry(number: next, item: item, bytes: bytes))
        next += 1
        count += 1
        self.bytes += bytes
    }

    /// A message was sent, under the number ``next``, of which nobody wants to know what became.
    mutating func skip() {
        next += 1
        hasSkipped = true
    }

    /// The broker returned a message.
    ///
    /// - Parameter number: by which it was sent. Of no meaning if the broker made it up.
    mutating func returned(_ number: UInt64, _ returned: ServerMethod.Returned) {
        if let index = index(of: number) { entries[index].returned = returned }
    }

    /// The broker's word on a message, or on all up to it; zero and multiple: all.
    ///
    /// - Returns: what that was, in order. Nothing for a number that is not open.
    mutating func conclude(_ number: UInt64, multiple: Bool, isTaken: Bool) -> [(Item, Outcome)] {
        let last = number == 0 && multiple ? next - 1 : number
        guard last < next else { return [] }
        var concluded: [(Item, Outcome)] = []
        func conclude(_ entry: Entry) {
            guard let item = entry.item else { return }
            concluded.append((item, entry.returned.map(Outcome.returned) ?? (isTaken ? .confirmed : .refused)))
            count -= 1
            bytes -= entry.bytes
        }
        if multiple {
            while let entry = entries.first, entry.number <= last {
                conclude(entry)
                entries.removeFirst()
            }
        } else if let index = index(of: last) {
            conclude(entries[index])
            entries[index].item = nil
        }
        while let entry = entries.first, entry.item == nil { entries.removeFirst() }
        // As many empty places as others, and more, are what one that is stuck leaves behind.
        if entries.count > 2 * count + 64 { entries.removeAll { $0.item == nil } }
        return concluded
    }

    /// Forgets the channel.
    ///
    /// - Returns: what was open, in order.
    mutating func removeAll() -> [Item] {
        let items = entries.compactMap(\.item)
        self = ConfirmWindow()
        return items
    }

    /// How many places there are, with those that are empty.
    var places: Int { entries.count }

    private func index(of number: UInt64) -> Int? {
        var range = entries.startIndex..<entries.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if entries[middle].number < number {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        let index = range.lowerBound
        return index < entries.endIndex && entries[index].number == number ? index : nil
    }
}
