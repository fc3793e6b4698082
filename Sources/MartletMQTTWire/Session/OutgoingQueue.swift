/// The messages that wait for a client, bounded in number and in bytes.
///
/// Those of QoS 0 wait apart: they need no place among the messages in flight, so that a client which acknowledges
/// nothing still gets them.
struct OutgoingQueue: Sendable {
    struct Waiting: Sendable {
        let publication: Publication
        let match: Match
        let qos: QoS
        /// Its number in the queue; 0: it has not been in it.
        var number: UInt64 = 0
    }

    private var unguaranteed = Fifo<Waiting>()
    private var guaranteed = Fifo<Waiting>()
    private var lastNumber: UInt64 = 0
    private(set) var bytes = 0
    /// How many are deliveries of queues. Most sessions have none.
    private var deliveries = 0
    /// When the first of them expires, or earlier.
    private(set) var nextExpiry: Duration?

    var isEmpty: Bool { unguaranteed.isEmpty && guaranteed.isEmpty }
    var count: Int { unguaranteed.count + guaranteed.count }

    func isEmpty(of qos: QoS) -> Bool { qos == .atMostOnce ? unguaranteed.isEmpty : guaranteed.isEmpty }

    /// Whether there is room for one more. An empty queue takes one of any size.
    func hasRoom(for publication: Publication, _ limits: SessionLimits) -> Bool {
        isEmpty || (count < limits.queuedMessages && bytes + publication.cost <= limits.queuedBytes)
    }

    /// - Returns: its number in the queue.
    mutating func append(_ waiting: Waiting) -> UInt64 {
        var waiting = waiting
        waiting.number = lastNumber + 1
        restore(waiting)
        return waiting.number
    }

    /// Appends a message that has its number already.
    mutating func restore(_ waiting: Waiting) {
        lastNumber = max(lastNumber, waiting.number)
        bytes += waiting.publication.cost
        if waiting.match.delivery != nil { deliveries += 1 }
        if let expiry = waiting.publication.expiresAt { nextExpiry = min(expiry, nextExpiry ?? expiry) }
        if waiting.qos == .atMostOnce {
            unguaranteed.append(waiting, waiting.number)
        } else {
            guaranteed.append(waiting, waiting.number)
        }
    }

    mutating func popFirst(guaranteed isGuaranteed: Bool) -> Waiting? {
        guard let first = isGuaranteed ? guaranteed.popFirst() : unguaranteed.popFirst() else { return nil }
        forget(first)
        return first
    }

    private mutating func forget(_ waiting: Waiting) {
        bytes -= waiting.publication.cost
        if waiting.match.delivery != nil { deliveries -= 1 }
        if isEmpty { nextExpiry = nil }
    }

    /// Takes out the deliveries of queues among them.
    mutating func takeDeliveries() -> [Waiting] {
        deliveries == 0 ? [] : takeAll { $0.match.delivery != nil }
    }

    /// The messages that another member of a group may get, in order.
    var shared: [(Publication, subscription: Int)] {
        var shared: [(Publication, subscription: Int)] = []
        guaranteed.forEach { waiting in
            if let share = waiting.match.share { shared.append((waiting.publication, share)) }
        }
        return shared
    }

    /// - Returns: how many were dropped.
    mutating func dropUnguaranteed() -> Int {
        var dropped = 0
        while popFirst(guaranteed: false) != nil { dropped += 1 }
        return dropped
    }

    mutating func removeAll() {
        self = OutgoingQueue()
    }

    /// Takes out the message of QoS 1 or 2 of a number.
    mutating func remove(_ number: UInt64) -> Waiting? {
        guard let found = guaranteed.remove(number) else { return nil }
        forget(found)
        return found
    }

    func forEachGuaranteed(_ body: (Waiting) -> Void) { guaranteed.forEach(body) }

    /// Takes out what has expired.
    mutating func expire(at now: Duration) -> [Waiting] {
        guard let nextExpiry, nextExpiry <= now else { return [] }
        return takeAll { $0.publication.isExpired(at: now) }
    }

    mutating func takeAll(where condition: (Waiting) -> Bool) -> [Waiting] {
        var taken: [Waiting] = []
        var (left, deliveries, next): (Int, Int, Duration?) = (0, 0, nil)
        for queue in [unguaranteed, guaranteed] {
            queue.forEach { waiting in
                guard !condition(waiting) else { return taken.append(waiting) }
                left += waiting.publication.cost
                if waiting.match.delivery != nil { deliveries += 1 }
                guard let expiry = waiting.publication.expiresAt else { return }
                next = min(expiry, next ?? expiry)
            }
        }
        if !taken.isEmpty {
            unguaranteed.removeAll(where: condition)
            guaranteed.removeAll(where: condition)
        }
        (bytes, self.deliveries, nextExpiry) = (left, deliveries, next)
        return taken
    }
}
