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
    /// `nil`: elements are only counted.
    @usableFromInline let weight: MailboxWeight<Element>?
    @usableFromInline var ring: Deque<Element>
    /// With `.conflate`: where in the ring each topic's element is, counted from the ring's first ever element.
    @usableFromInline var slots: [TopicName: Int]
    @usableFromInline var keys: Deque<TopicName>
    @usableFromInline var taken: Int
    @usableFromInline var dropped: Int
    /// How much the elements in the ring weigh together, if they are weighed.
    @usableFromInline var weighed: Int

    @inlinable
    init(limit: Int, overflow: Overflow, weight: MailboxWeight<Element>? = nil) {
        self.limit = limit
        self.overflow = overflow
        self.weight = weight
        weighed = 0
        ring = []
        slots = [:]
        keys = []
        taken = 0
        dropped = 0
    }

    @inlinable var isEmpty: Bool { ring.isEmpty }
    /// An element may be of any weight, so that each limit is passed by one element at most.
    @inlinable var hasRoom: Bool { ring.count < limit && isLight }
    @inlinable var isLight: Bool { weight.map { weighed < $0.limit } ?? true }
    /// Whether at most half of it is taken.
    @inlinable var isRoomy: Bool {
        ring.count <= limit / 2 && (weight.map { weighed <= $0.limit / 2 } ?? true)
    }
    @inlinable var count: Int { ring.count }

    @inlinable
    func weight(of element: Element) -> Int { weight?.weigh(element) ?? 0 }

    @inlinable
    func weight(of elements: Deque<Element>) -> Int {
        guard let weight else { return 0 }
        return elements.reduce(0) { $0 + weight.weigh($1) }
    }

    @inlinable
    mutating func append(_ element: Element) {
        ring.append(element)
        if let weight { weighed += weight.weigh(element) }
    }

    /// - Parameter topic: what `.conflate` tells elements apart by.
    @inlinable
    mutating func admit(_ element: Element, topic: TopicName) -> Admission {
        if overflow == .conflate { return conflate(element, topic: topic) }
        if hasRoom {
            append(element)
            return .admitted
        }
        switch overflow {
        case .suspend:
            return .full
        case .dropNewest:
            dropped += 1
        case .dropOldest, .conflate:
            dropOldest()
            append(element)
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
            let all = weight(of: elements)
            if weight.map({ all < $0.limit }) ?? true {
                swap(&ring, &elements)
                weighed = all
                return ring.count
            }
        }
        var count = 0
        while hasRoom, let element = elements.popFirst() {
            append(element)
            count += 1
        }
        return count
    }

    /// Makes room by dropping what has waited longest.
    @usableFromInline
    mutating func dropOldest() {
        while !hasRoom, popFirst() != nil { dropped += 1 }
    }

    @usableFromInline
    mutating func conflate(_ element: Element, topic: TopicName) -> Admission {
        if let slot = slots[topic] {
            weighed += weight(of: element) - weight(of: ring[slot - taken])
            ring[slot - taken] = element
            dropped += 1
            while !isLight, ring.count > 1, popFirst() != nil { dropped += 1 }
            return .dropped
        }
        let hadRoom = hasRoom
        dropOldest()
        slots[topic] = taken + ring.count
        keys.append(topic)
        append(element)
        return hadRoom ? .admitted : .dropped
    }

    @inlinable
    mutating func popFirst() -> Element? {
        guard let first = ring.popFirst() else { return nil }
        taken += 1
        if let weight { weighed -= weight.weigh(first) }
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
            weighed = 0
        } else if let first = popFirst() {
            batch.append(first)
        }
    }

    /// Puts back, in front, what a reader took but did not use.
    ///
    /// Where messages may be dropped, what finds its place taken by something newer is dropped; so is all of `.conflate`'s,
    /// whose topics are forgotten.
    @inlinable
    mutating func putBack(_ batch: Deque<Element>) {
        if overflow == .suspend {
            ring.prepend(contentsOf: batch)
            weighed += weight(of: batch)
            return
        }
        for element in batch.reversed() {
            guard overflow != .conflate, hasRoom else {
                dropped += 1
                continue
            }
            ring.prepend(element)
            if let weight { weighed += weight.weigh(element) }
        }
    }

    /// Takes out all elements that satisfy a condition; of ``Overflow/suspend`` only.
    mutating func removeAll(where condition: (Element) -> Bool) -> [Element] {
        guard overflow == .suspend else { return [] }
        let removed = ring.filter(condition)
        guard !removed.isEmpty else { return [] }
        ring.removeAll(where: condition)
        weighed -= weight(of: removed)
        return Array(removed)
    }

    mutating func removeAll() {
        ring.removeAll()
        slots.removeAll()
        keys.removeAll()
        weighed = 0
    }
}
