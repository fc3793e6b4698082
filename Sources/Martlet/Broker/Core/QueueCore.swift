import DequeModule

/// A message in a queue.
struct QueuedMessage: Sendable {
    var message: Message
    /// Its place, from when it is in the queue: what returns returns to where it was.
    var sequence: UInt64 = 0
    var deliveries = 0
    let expiresAt: Duration?
    /// How surely it was sent.
    let guarantee: Guarantee
    /// What it is made of, for those who can use that as it is.
    let origin: (any AnyObject & Sendable)?

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

    /// A sender that waits for room, under a number that the caller gave it.
    private struct Parked: Sendable {
        let sender: UInt64
        let queued: QueuedMessage
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
    private var parked: Deque<Parked> = []
    /// The consumer whose turn is next.
    private var turn = 0
    private var lastSequence: UInt64 = 0
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

    /// - Parameter sender: the number under which its sender waits if the message is parked.
    mutating func admit(
        _ message: Message,
        sender: UInt64,
        expiry: Duration?,
        guarantee: Guarantee = .atLeastOnce,
        origin: (any AnyObject & Sendable)? = nil,
        now: Duration,
        dead: inout [DeadLetter]
    ) -> Admission {
        let queued = makeQueued(message, life: options.life(of: expiry), guarantee, origin: origin, now: now)
        if !hasRoom(for: queued) { expireFirst(at: now, dead: &dead) }
        if parked.isEmpty, hasRoom(for: queued) {
            append(queued)
            return .admitted
        }
        switch options.overflow {
        case .suspend:
            parked.append(Parked(sender: sender, queued: queued))
            return .parked
        case .reject:
            return .full
        case .dropOldest:
            appendDisplacing(queued, dead: &dead)
            return .admitted
        }
    }

    /// Takes in a dead letter of another queue: no sender waits with it, so the oldest messages make room.
    mutating func bury(_ message: Message, now: Duration, dead: inout [DeadLetter]) {
        let queued = makeQueued(message, life: options.life(of: nil), .atLeastOnce, origin: nil, now: now)
        appendDisplacing(queued, dead: &dead)
    }

    private func makeQueued(
        _ message: Message,
        life: Duration?,
        _ guarantee: Guarantee,
        origin: (any AnyObject & Sendable)?,
        now: Duration
    ) -> QueuedMessage {
        QueuedMessage(
            message: message,
            expiresAt: life.map { now + $0.capped },
            guarantee: guarantee,
            origin: origin
        )
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
        guard let first = parked.first, hasRoom(for: first.queued) else { return nil }
        parked.removeFirst()
        append(first.queued)
        return first.sender
    }

    /// Takes back the message of a sender that waits no longer.
    ///
    /// - Returns: whether it was still parked.
    mutating func withdraw(_ sender: UInt64) -> Bool {
        guard let index = parked.firstIndex(where: { $0.sender == sender }) else { return false }
        parked.remove(at: index)
        return true
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

    mutating func add(_ consumer: Consumer) {
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
            if let maximum = options.maximumDeliveries, queued.deliveries >= maximum {
                dead.append(DeadLetter(queued: queued, reason: .deliveredTooOften))
            } else {
                putBack(queued)
            }
        }
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
        let senders = parked.filter { $0.queued.isExpired(at: now) }.map(\.sender)
        parked.removeAll { $0.queued.isExpired(at: now) }
        return senders
    }

    /// When the next message expires.
    var nextDeadline: Duration? {
        let times = [waiting.lazy.compactMap(\.expiresAt).min(), parked.lazy.compactMap(\.queued.expiresAt).min()]
        return times.compactMap { $0 }.min()
    }
}
