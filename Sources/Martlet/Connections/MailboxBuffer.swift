public import DequeModule

/// What a mailbox holds: a bounded ring and the rule for when it is full. A pure value.
@usableFromInline
struct MailboxBuffer<Element> {
    @usableFromInline
    enum Admission: Equatable {
        case admitted
        /// Something was dropped: the new element or one that waited.
        case dropped
        /// There is no room, and the rule is to wait for it.
        case full
    }

    @usableFromInline let limit: Int
    @usableFromInline let overflow: Overflow
    @usableFromInline var ring: Deque<Element>
    /// With `.conflate`: where in the ring each topic's element is, counted from the ring's first ever element.
    @usableFromInline var slots: [TopicName: Int]
    @usableFromInline var keys: Deque<TopicName>
    @usableFromInline var taken: Int
    @usableFromInline var dropped: Int

    @inlinable
    init(limit: Int, overflow: Overflow) {
        self.limit = limit
        self.overflow = overflow
        ring = []
        slots = [:]
        keys = []
        taken = 0
        dropped = 0
    }

    @inlinable var isEmpty: Bool { ring.isEmpty }
    @inlinable var hasRoom: Bool { ring.count < limit }
    @inlinable var count: Int { ring.count }

    /// - Parameter topic: what `.conflate` tells elements apart by.
    @inlinable
    mutating func admit(_ element: Element, topic: TopicName) -> Admission {
        if overflow == .conflate { return conflate(element, topic: topic) }
        if hasRoom {
            ring.append(element)
            return .admitted
        }
        switch overflow {
        case .suspend:
            return .full
        case .dropNewest:
            dropped += 1
        case .dropOldest, .conflate:
            dropped += 1
            ring.removeFirst()
            ring.append(element)
        }
        return .dropped
    }

    /// Moves in, in order, as many elements as there is room for.
    ///
    /// - Returns: how many.
    @inlinable
    mutating func fill(from elements: inout Deque<Element>) -> Int {
        guard overflow != .conflate else { return 0 }
        if ring.isEmpty, elements.count <= limit {
            swap(&ring, &elements)
            return ring.count
        }
        var count = 0
        while hasRoom, let element = elements.popFirst() {
            ring.append(element)
            count += 1
        }
        return count
    }

    @usableFromInline
    mutating func conflate(_ element: Element, topic: TopicName) -> Admission {
        if let slot = slots[topic] {
            ring[slot - taken] = element
            dropped += 1
            return .dropped
        }
        let hadRoom = hasRoom
        if !hadRoom {
            _ = popFirst()
            dropped += 1
        }
        slots[topic] = taken + ring.count
        keys.append(topic)
        ring.append(element)
        return hadRoom ? .admitted : .dropped
    }

    @inlinable
    mutating func popFirst() -> Element? {
        guard let first = ring.popFirst() else { return nil }
        taken += 1
        if overflow == .conflate { slots[keys.removeFirst()] = nil }
        return first
    }

    /// Takes everything that waits, in exchange for an empty deque whose storage the ring goes on with; so
    /// that a reader that keeps up allocates nothing.
    ///
    /// Where messages may be dropped only one is taken, since what the reader holds can't be replaced by
    /// something newer; and where only one is wanted.
    @inlinable
    mutating func take(into batch: inout Deque<Element>, onlyOne: Bool = false) {
        if overflow == .suspend, !onlyOne {
            swap(&ring, &batch)
        } else if let first = popFirst() {
            batch.append(first)
        }
    }

    /// Puts back, in front, what a reader took but did not use.
    @inlinable
    mutating func putBack(_ batch: Deque<Element>) {
        guard overflow == .suspend else { return }
        ring.prepend(contentsOf: batch)
    }

    /// Takes out all elements that satisfy a condition; of ``Overflow/suspend`` only.
    mutating func removeAll(where condition: (Element) -> Bool) -> [Element] {
        guard overflow == .suspend else { return [] }
        let removed = ring.filter(condition)
        if !removed.isEmpty { ring.removeAll(where: condition) }
        return Array(removed)
    }

    mutating func removeAll() {
        ring.removeAll()
        slots.removeAll()
        keys.removeAll()
    }
}
