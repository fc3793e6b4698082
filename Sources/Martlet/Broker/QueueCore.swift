import DequeModule

/// A message in a queue.
struct QueuedMessage {
    var message: Message
    /// Its place: what returns to the queue returns to where it was.
    let sequence: UInt64
    var deliveries = 0
    let expiresAt: Duration?

    func isExpired(at now: Duration) -> Bool {
        expiresAt.map { $0 <= now } ?? false
    }
}

/// A consumer of a queue.
struct QueueConsumer {
    let id: Int
    let client: Int
    let prefetch: Int
    let mailbox: Mailbox<Delivery>
    /// Deliveries it has and has not settled.
    var inHand = 0
}

/// A message that a queue will not deliver any more.
struct DeadLetter {
    /// Why it died, as on the wire.
    enum Reason: String {
        case rejected
        case expired
        case displaced
        case deliveredTooOften = "delivered-too-often"
    }

    let queued: QueuedMessage
    let reason: Reason
}

/// One queue: what waits, who consumes, who waits to send. A pure value; time is passed in.
struct QueueCore: Sendable {
    enum Admission {
        case admitted
        case parked(UInt64)
        case full
    }

    var options: QueueOptions
    /// Whether someone configured it; one that was not goes when it is empty and unused.
    var isDeclared: Bool
    private(set) var waiting: Deque<QueuedMessage> = []
    private(set) var consumers: [QueueConsumer] = []
    private var parked = WaitingRoom<QueuedMessage>()
    private var cursor = 0
    private var lastSequence: UInt64 = 0
    /// Deliveries that consumers hold, whether or not they still consume.
    private(set) var inHand = 0

    init(_ options: QueueOptions, isDeclared: Bool) {
        self.options = options
        self.isDeclared = isDeclared
    }

    var isUnused: Bool { !isDeclared && waiting.isEmpty && consumers.isEmpty && parked.isEmpty && inHand == 0 }

    // MARK: Coming in

    mutating func admit(_ message: Message, expiry: Duration?, now: Duration, dead: inout [DeadLetter]) -> Admission {
        lastSequence += 1
        let life = [expiry, options.timeToLive].compactMap { $0 }.min()
        let queued = QueuedMessage(message: message, sequence: lastSequence, expiresAt: life.map { now + $0.capped })
        if waiting.count >= options.limit { expireFirst(at: now, dead: &dead) }
        guard waiting.count >= options.limit || !parked.isEmpty else {
            waiting.append(queued)
            return .admitted
        }
        switch options.overflow {
        case .suspend:
            return .parked(parked.park(queued))
        case .reject:
            return .full
        case .dropOldest:
            if let oldest = waiting.popFirst() { dead.append(DeadLetter(queued: oldest, reason: .displaced)) }
            waiting.append(queued)
            return .admitted
        }
    }

    /// Takes in a dead letter of another queue: nobody waits to send it, so the oldest makes room.
    mutating func bury(_ message: Message, now: Duration, dead: inout [DeadLetter]) {
        lastSequence += 1
        if waiting.count >= options.limit, let oldest = waiting.popFirst() {
            dead.append(DeadLetter(queued: oldest, reason: .displaced))
        }
        let expiresAt = options.timeToLive.map { now + $0.capped }
        waiting.append(QueuedMessage(message: message, sequence: lastSequence, expiresAt: expiresAt))
    }

    /// Lets in who waits to send, as far as there is room.
    mutating func admitParked() -> [CheckedContinuation<Void, any Error>] {
        var admitted: [CheckedContinuation<Void, any Error>] = []
        while waiting.count < options.limit, let next = parked.popFirst() {
            waiting.append(next.element)
            if let continuation = next.continuation { admitted.append(continuation) }
        }
        return admitted
    }

    mutating func attach(_ continuation: CheckedContinuation<Void, any Error>, to id: UInt64) -> Bool {
        parked.attach(continuation, to: id)
    }

    /// A sender that waits gave up.
    mutating func withdraw(_ id: UInt64) -> WaitingRoom<QueuedMessage>.Parked? {
        parked.remove(id: id)
    }

    // MARK: Going out

    /// The next message and who gets it: consumers take turns, each as far as its prefetch allows.
    mutating func nextAssignment(now: Duration, dead: inout [DeadLetter]) -> (QueuedMessage, QueueConsumer)? {
        expireFirst(at: now, dead: &dead)
        guard !waiting.isEmpty, let index = nextConsumer(), var queued = waiting.popFirst() else { return nil }
        queued.deliveries += 1
        consumers[index].inHand += 1
        inHand += 1
        cursor = (index + 1) % consumers.count
        return (queued, consumers[index])
    }

    private func nextConsumer() -> Int? {
        for offset in consumers.indices {
            let index = (cursor + offset) % consumers.count
            if consumers[index].inHand < consumers[index].prefetch { return index }
        }
        return nil
    }

    mutating func add(_ consumer: QueueConsumer) {
        consumers.append(consumer)
    }

    mutating func removeConsumer(_ id: Int) {
        consumers.removeAll { $0.id == id }
        cursor = 0
    }

    // MARK: Settlement

    mutating func settle(
        _ queued: QueuedMessage,
        of consumer: Int,
        as disposition: Disposition,
        dead: inout [DeadLetter]
    ) {
        inHand -= 1
        if let index = consumers.firstIndex(where: { $0.id == consumer }) { consumers[index].inHand -= 1 }
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

    /// Back to its old place: before everything that was sent after it.
    private mutating func putBack(_ queued: QueuedMessage) {
        let index = waiting.firstIndex { $0.sequence > queued.sequence } ?? waiting.endIndex
        waiting.insert(queued, at: index)
    }

    // MARK: Expiry

    /// Takes out what has expired and would be delivered next.
    private mutating func expireFirst(at now: Duration, dead: inout [DeadLetter]) {
        while let first = waiting.first, first.isExpired(at: now) {
            waiting.removeFirst()
            dead.append(DeadLetter(queued: first, reason: .expired))
        }
    }

    /// Takes out what has expired, wherever it stands.
    mutating func expire(at now: Duration, dead: inout [DeadLetter]) {
        guard waiting.contains(where: { $0.isExpired(at: now) }) else { return }
        for queued in waiting where queued.isExpired(at: now) {
            dead.append(DeadLetter(queued: queued, reason: .expired))
        }
        waiting.removeAll { $0.isExpired(at: now) }
    }

    /// Takes out the senders whose messages expired before there was room.
    mutating func expireParked(at now: Duration) -> [CheckedContinuation<Void, any Error>] {
        parked.removeAll { $0.isExpired(at: now) }.compactMap(\.continuation)
    }

    /// When the next message expires.
    var nextExpiry: Duration? {
        [waiting.lazy.compactMap(\.expiresAt).min(), parked.min(of: \.expiresAt)].compactMap { $0 }.min()
    }
}
