/// A queue of values, under numbers that grow from one to the next.
struct Fifo<Element: Sendable>: Sendable {
    private struct Slot: Sendable {
        let number: UInt64
        /// `nil`: it was taken out from between others.
        var element: Element?
    }

    private var slots: [Slot] = []
    /// The first one; none is taken out before it.
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ element: Element, _ number: UInt64) {
        slots.append(Slot(number: number, element: element))
        count += 1
    }

    mutating func popFirst() -> Element? {
        isEmpty ? nil : take(at: head)
    }

    /// Takes out the one of a number.
    mutating func remove(_ number: UInt64) -> Element? {
        var (low, high) = (head, slots.count)
        while low < high {
            let middle = (low + high) / 2
            if slots[middle].number < number { low = middle + 1 } else { high = middle }
        }
        guard low < slots.count, slots[low].number == number else { return nil }
        return take(at: low)
    }

    private mutating func take(at place: Int) -> Element? {
        guard let element = slots[place].element.take() else { return nil }
        count -= 1
        guard count > 0 else {
            slots.removeAll(keepingCapacity: slots.count <= 64)
            head = 0
            return element
        }
        while slots[head].element == nil { head += 1 }
        if slots.count >= 64, slots.count >= 2 * count { removeAll { _ in false } }
        return element
    }

    /// Takes out those of a condition.
    mutating func removeAll(where condition: (Element) -> Bool) {
        slots = slots[head...].filter { slot in slot.element.map { !condition($0) } ?? false }
        (head, count) = (0, slots.count)
    }

    func forEach(_ body: (Element) -> Void) {
        for slot in slots[head...] { if let element = slot.element { body(element) } }
    }
}
