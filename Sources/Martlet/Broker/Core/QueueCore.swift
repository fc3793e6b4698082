import DequeModule

/// A message in a queue, or one that waits for room in it.
package struct QueuedMessage: Sendable {
    package var message: Message
    /// No other message of this broker has it. Under it its sender waits, if there is no room.
    package let number: UInt64
    /// Its place, from when it is in the queue: what returns returns to where it was.
    var sequence = 0
    package var deliveries = 0
    /// The tag of the latest delivery.
    package var tag: UInt64 = 0
    /// When it becomes a dead letter, by the broker's clock; `nil`: never.
    package let expiresAt: Duration?
    /// How surely it was sent.
    package let guarantee: Guarantee
    /// What it is made of, for those who can use that as it is.
    package let origin: (any AnyObject & Sendable)?

    package init(
        _ message: Message,
        number: UInt64,
        expiresAt: Duration?,
        guarantee: Guarantee = .atLeastOnce,
        origin: (any AnyObject & Sendable)? = nil
    ) {
        self.message = message
        self.number = number
        self.expiresAt = expiresAt
        self.guarantee = guarantee
        self.origin = origin
    }

    /// What it counts towards the queue's limit of bytes.
    var bytes: Int { message.body.count }

    func isExpired(at now: Duration) -> Bool {
        expiresAt.map { $0 <= now } ?? false
    }
}

/// A message that a queue will not deliver any more.
struct DeadLetter: Sendable {
    /// Why it died, as on the wire.
    enum Reason: String, Sendable {
        case rejected
        case expired
        case displaced
        case deliveredTooOften = "delivered-too-often"
    }

    let queued: QueuedMessage
    let reason: Reason
}

/// One queue: its messages, its consumers, and the senders that wait for room. A pure value; time is passed in.
struct QueueCore: Sendable {
    struct Consumer: Sendable {
        let recipient: Recipient
        let prefetch: Int
        /// How many deliveries it holds unsettled.
        var inHand = 0
    }

    enum Admission: Sendable {
        case admitted
        case parked
        case full
    }

    var options: QueueOptions
    /// Whether a user configured it. A queue that was not declared goes when it is empty and unused.
    var isDeclared: Bool
    private(set) var waiting: Deque<QueuedMessage> = []
    /// The bytes of all bodies that wait.
    private(set) var bytes = 0
    private(set) var consumers: [Consumer] = []
    /// How many consumers it has that are absent: it is kept for them.
    var absentConsumers = 0
    /// Those that wait for room, and their senders with them.
    private(set) var parked: Deque<QueuedMessage> = []
    /// The consumer whose turn is next.
    private var turn = 0
    private var (firstSequence, lastSequence) = (1, 0)
    /// How many deliveries consumers hold unsettled, those that no longer consume among them.
    private(set) var inHand = 0

    init(_ options: QueueOptions, isDeclared: Bool) {
        self.options = options
        self.isDeclared = isDeclared
    }

    var isUnused: Bool {
        !isDeclared && waiting.isEmpty && consumers.isEmpty && absentConsumers == 0 && parked.isEmpty && inHand == 0
    }

    // MARK: Coming in

    mutating func admit(_ queued: QueuedMessage, now: Duration, dead: inout [DeadLetter]) -> Admission {
        if !hasRoom(for: queued) { expireFirst(at: now, dead: &dead) }
        if parked.isEmpty, hasRoom(for: queued) {
            append(queued)
            return .admitted
        }
        switch options.overflow {
        case .suspend:
            parked.append(queued)
            return .parked
        case .reject:
            return .full
        case .dropOldest:
            appendDisplacing(queued, dead: &dead)
            return .admitted
        }
    }

    /// Takes in a dead letter of another queue: no sender waits with it, so the oldest messages make room.
    mutating func bury(_ queued: QueuedMessage, dead: inout [DeadLetter]) {
        appendDisplacing(queued, dead: &dead)
    }

    /// Takes in messages that were in the queue of an earlier process, in their order: before all that it has. They were in it
    /// before, so that the limits don't keep them out.
    ///
    /// - Parameter isHeld: whether a consumer still has a message in hand. Those that others had have come back.
    /// - Returns: those that are in hand.
    mutating func restore(
        _ messages: [QueuedMessage],
        dead: inout [DeadLetter],
        isHeld: (QueuedMessage) -> Bool
    ) -> [QueuedMessage] {
        firstSequence -= messages.count
        var (back, held): ([QueuedMessage], [QueuedMessage]) = ([], [])
        back.reserveCapacity(messages.count)
        for (index, var queued) in messages.enumerated() {
            queued.sequence = firstSequence + index
            if isHeld(queued) {
                held.append(queued)
            } else if wasDeliveredTooOften(queued) {
                dead.append(DeadLetter(queued: queued, reason: .deliveredTooOften))
            } else {
                back.append(queued)
            }
        }
        bytes += back.reduce(0) { $0 + $1.bytes }
        inHand += held.count
        waiting.prepend(contentsOf: back)
        return held
    }

    /// An empty queue takes one message of any size, which could otherwise never be sent.
    private func hasRoom(for queued: QueuedMessage) -> Bool {
        waiting.isEmpty || (waiting.count < options.limit && bytes + queued.bytes <= options.byteLimit)
    }

    private mutating func append(_ queued: QueuedMessage) {
        bytes += queued.bytes
        lastSequence += 1
        var queued = queued
        queued.sequence = lastSequence
        waiting.append(queued)
    }

    private mutating func appendDisplacing(_ queued: QueuedMessage, dead: inout [DeadLetter]) {
        while !hasRoom(for: queued), let oldest = popFirst() {
            dead.append(DeadLetter(queued: oldest, reason: .displaced))
        }
        append(queued)
    }

    private mutating func popFirst() -> QueuedMessage? {
        guard let first = waiting.popFirst() else { return nil }
        bytes -= first.bytes
        return first
    }

    /// Lets in the message of the sender that has waited longest, if there is room.
    ///
    /// - Returns: the sender's number.
    mutating func admitParked() -> UInt64? {
        guard let first = parked.first, hasRoom(for: first) else { return nil }
        parked.removeFirst()
        append(first)
        return first.number
    }

    /// Takes back the message of a sender that waits no longer.
    ///
    /// - Returns: whether it was still parked.
    mutating func withdraw(_ sender: UInt64) -> Bool {
        guard let index = parked.firstIndex(where: { $0.number == sender }) else { return false }
        parked.remove(at: index)
        return true
    }

    /// Forgets what waits.
    ///
    /// - Returns: the senders that waited for room.
    mutating func removeWaiting() -> [UInt64] {
        defer { (waiting, parked, bytes) = ([], [], 0) }
        return parked.map(\.number)
    }

    // MARK: Going out

    /// The next message and the consumer that gets it: consumers take turns, each as far as its prefetch allows.
    mutating func nextAssignment(now: Duration, dead: inout [DeadLetter]) -> (QueuedMessage, Recipient)? {
        expireFirst(at: now, dead: &dead)
        guard !waiting.isEmpty, let index = nextConsumer(), var queued = popFirst() else { return nil }
        queued.deliveries += 1
        consumers[index].inHand += 1
        inHand += 1
        turn = (index + 1) % consumers.count
        return (queued, consumers[index].recipient)
    }

    private func nextConsumer() -> Int? {
        for offset in consumers.indices {
            let index = (turn + offset) % consumers.count
            if consumers[index].inHand < consumers[index].prefetch { return index }
        }
        return nil
    }

    /// - Parameter inHand: how many deliveries it holds already.
    mutating func add(_ consumer: Consumer, inHand: Int = 0) {
        var consumer = consumer
        consumer.inHand = inHand
        consumers.append(consumer)
    }

    mutating func removeConsumer(_ recipient: Recipient) {
        consumers.removeAll { $0.recipient == recipient }
        turn = 0
    }

    // MARK: Settlement

    mutating func settle(
        _ queued: QueuedMessage,
        of consumer: Recipient,
        as disposition: Disposition,
        dead: inout [DeadLetter]
    ) {
        inHand -= 1
        if let index = consumers.firstIndex(where: { $0.recipient == consumer }) { consumers[index].inHand -= 1 }
        switch disposition {
        case .ack:
            break
        case .reject:
            dead.append(DeadLetter(queued: queued, reason: .rejected))
        case .requeue:
            if wasDeliveredTooOften(queued) {
                dead.append(DeadLetter(queued: queued, reason: .deliveredTooOften))
            } else {
                putBack(queued)
            }
        }
    }

    private func wasDeliveredTooOften(_ queued: QueuedMessage) -> Bool {
        options.maximumDeliveries.map { queued.deliveries >= $0 } ?? false
    }

    /// Puts a message back to its old place: before everything that was sent after it. It was in the queue before, so
    /// that the limits don't keep it out.
    private mutating func putBack(_ queued: QueuedMessage) {
        let index = waiting.firstIndex { $0.sequence > queued.sequence } ?? waiting.endIndex
        waiting.insert(queued, at: index)
        bytes += queued.bytes
    }

    // MARK: Expiry

    /// Takes out what has expired and would be delivered next.
    private mutating func expireFirst(at now: Duration, dead: inout [DeadLetter]) {
        while waiting.first?.isExpired(at: now) == true, let expired = popFirst() {
            dead.append(DeadLetter(queued: expired, reason: .expired))
        }
    }

    /// Takes out what has expired, wherever it stands.
    ///
    /// - Returns: the senders whose messages expired before there was room.
    mutating func expire(at now: Duration, dead: inout [DeadLetter]) -> [UInt64] {
        for queued in waiting where queued.isExpired(at: now) {
            bytes -= queued.bytes
            dead.append(DeadLetter(queued: queued, reason: .expired))
        }
        waiting.removeAll { $0.isExpired(at: now) }
        let senders = parked.filter { $0.isExpired(at: now) }.map(\.number)
        parked.removeAll { $0.isExpired(at: now) }
        return senders
    }

    /// When the next message expires.
    var nextDeadline: Duration? {
        let times = [waiting.lazy.compactMap(\.expiresAt).min(), parked.lazy.compactMap(\.expiresAt).min()]
        return times.compactMap { $0 }.min()
    }
}
