import DequeModule

/// Producers that wait for room, each with the element that it wants to bring in, in the order of their arrival.
///
/// An element is parked under a lock; only then does its producer suspend. So the element may be let in before
/// the producer has got as far as waiting, which is why `attach` may find nothing to wait for.
package struct ParkingLot<Element: Sendable>: Sendable {
    package struct Parked: Sendable {
        package let id: UInt64
        package var element: Element
        package var continuation: CheckedContinuation<Void, any Error>?
    }

    private var parked: Deque<Parked> = []
    private var lastID: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { parked.isEmpty }
    package var count: Int { parked.count }
    /// The element that has waited longest.
    package var first: Element? { parked.first?.element }

    package mutating func park(_ element: Element) -> UInt64 {
        lastID += 1
        parked.append(Parked(id: lastID, element: element))
        return lastID
    }

    /// The one that has waited longest. The caller resumes its continuation, if it has one yet.
    package mutating func popFirst() -> Parked? {
        parked.popFirst()
    }

    /// Takes out one that gave up, or whose element satisfies a condition such as having expired.
    package mutating func remove(id: UInt64) -> Parked? {
        guard let index = index(of: id) else { return nil }
        return parked.remove(at: index)
    }

    package mutating func removeAll(where condition: (Element) -> Bool) -> [Parked] {
        var removed: [Parked] = []
        for entry in parked where condition(entry.element) { removed.append(entry) }
        if !removed.isEmpty { parked.removeAll { condition($0.element) } }
        return removed
    }

    /// The producers that wait, which will wait no longer; their elements stay.
    package mutating func detachAll() -> [CheckedContinuation<Void, any Error>] {
        var detached: [CheckedContinuation<Void, any Error>] = []
        for index in parked.indices {
            if let continuation = parked[index].continuation.take() { detached.append(continuation) }
        }
        return detached
    }

    package func min<Key: Comparable>(of key: (Element) -> Key?) -> Key? {
        parked.compactMap { key($0.element) }.min()
    }

    /// Whether the element is still parked, and the continuation therefore kept.
    package mutating func attach(_ continuation: CheckedContinuation<Void, any Error>, to id: UInt64) -> Bool {
        guard let index = index(of: id) else { return false }
        parked[index].continuation = continuation
        return true
    }

    private func index(of id: UInt64) -> Int? {
        var low = 0
        var high = parked.count
        while low < high {
            let middle = (low + high) / 2
            if parked[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < parked.count && parked[low].id == id ? low : nil
    }
}
