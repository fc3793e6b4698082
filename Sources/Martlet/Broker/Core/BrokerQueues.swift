import DequeModule

/// A broker's queues, and the deliveries from them that are not settled yet. A pure value; time is passed in.
struct BrokerQueues: Sendable {
    /// A delivery that a consumer holds.
    struct Unsettled: Sendable {
        let queued: QueuedMessage
        let queue: QueueName
        let consumer: Recipient
    }

    /// How many queues there may be.
    private let limit: Int
    /// How queues behave that nobody declared.
    private let defaults: QueueOptions
    private(set) var queues: [QueueName: QueueCore] = [:]
    private var unsettled: [UInt64: Unsettled] = [:]
    /// The tags of the deliveries that each client holds.
    private var tags: [Int: Set<UInt64>] = [:]
    private var deadlines = Deadlines<QueueName>()
    private var lastTag: UInt64 = 0
    /// The number of the last message that came.
    private var lastNumber: UInt64 = 0
    /// What has changed of what is in them, as far as somebody wants to know.
    var changes: [BrokerChange] = []
    var recordsChanges = false
    /// How many messages were sent.
    private(set) var sent = 0
    /// How many messages died in a queue that has no dead-letter queue.
    private(set) var droppedDeadLetters = 0

    init(limit: Int, defaults: QueueOptions) {
        self.limit = limit
        self.defaults = defaults
    }

    /// When the next message expires.
    var nextDeadline: Duration? { deadlines.next }

    // MARK: The queues themselves

    /// Configures a queue, whether or not it is in use.
    mutating func declare(_ queue: QueueName, _ options: QueueOptions) throws {
        try options.validate(for: queue)
        var next = options.deadLetters
        var visited: Set<QueueName> = []
        while let name = next, visited.insert(name).inserted {
            guard name != queue else {
                throw MessagingError(.invalidArgument, "the dead letters of queue \(queue) would come back to it")
            }
            next = (queues[name] ?? undeclared(name)).options.deadLetters
        }
        if queues[queue] != nil {
            queues[queue]?.options = options
            queues[queue]?.isDeclared = true
        } else {
            try checkRoom(for: queue)
            queues[queue] = QueueCore(options, isDeclared: true)
        }
    }

    /// A queue that nobody declared. Of the queue that dead letters go to by default, dead letters go nowhere.
    private func undeclared(_ queue: QueueName) -> QueueCore {
        var options = defaults
        if options.deadLetters == queue { options.deadLetters = nil }
        return QueueCore(options, isDeclared: false)
    }

    private mutating func makeIfMissing(_ queue: QueueName) {
        if queues[queue] == nil { queues[queue] = undeclared(queue) }
    }

    /// Throws if the queue would be one too many.
    func checkRoom(for queue: QueueName) throws {
        guard queues[queue] != nil || queues.count < limit else {
            throw MessagingError(.refused, "the broker has \(queues.count) queues and takes no more, so not \(queue)")
        }
    }

    private mutating func removeIfUnused(_ queue: QueueName) {
        guard queues[queue]?.isUnused == true else { return }
        queues[queue] = nil
        deadlines.forget(queue)
    }

    // MARK: Senders

    /// Sends a message.
    ///
    /// - Returns: the number under which its sender waits for room; `nil`: the message is in the queue.
    mutating func send(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions,
        origin: (any AnyObject & Sendable)? = nil,
        now: Duration,
        effects: inout [BrokerEffect]
    ) throws -> UInt64? {
        if options.requiresConsumer, queues[queue]?.consumers.isEmpty ?? true {
            throw MessagingError(.noResponder, "nobody consumes \(queue) right now")
        }
        try checkRoom(for: queue)
        makeIfMissing(queue)
        sent += 1
        let queued = makeQueued(message, for: queue, options.expiry, options.guarantee, origin: origin, now: now)
        var dead: [DeadLetter] = []
        let admission = queues[queue]?.admit(queued, now: now, dead: &dead) ?? .full
        // One that waits for room is its queue's already: its sender may have been told so.
        if admission != .full { note(.queued(queued, in: queue)) }
        bury(dead, of: queue, now: now, effects: &effects)
        pump(queue, now: now, effects: &effects)
        switch admission {
        case .admitted: return nil
        case .parked: return queued.number
        case .full: throw MessagingError(.queueFull, "queue \(queue) is full, and its rule is to refuse")
        }
    }

    private mutating func makeQueued(
        _ message: Message,
        for queue: QueueName,
        _ expiry: Duration? = nil,
        _ guarantee: Guarantee = .atLeastOnce,
        origin: (any AnyObject & Sendable)? = nil,
        now: Duration
    ) -> QueuedMessage {
        let expiresAt = queues[queue]?.options.life(of: expiry).map { now + $0.capped }
        if let expiresAt { deadlines.note(queue, at: expiresAt) }
        lastNumber += 1
        return QueuedMessage(
            message,
            number: lastNumber,
            expiresAt: expiresAt,
            guarantee: guarantee,
            origin: origin
        )
    }

    /// Takes back the message of a sender that waits no longer. There may be room for those that waited behind it.
    ///
    /// - Returns: whether it still waited.
    mutating func withdraw(_ sender: UInt64, from queue: QueueName, effects: inout [BrokerEffect]) -> Bool {
        let wasParked = queues[queue]?.withdraw(sender) ?? false
        if wasParked { note(.taken(sender)) }
        admitParked(queue, effects: &effects)
        removeIfUnused(queue)
        return wasParked
    }

    // MARK: Consumers

    /// Whether a queue was declared, is consumed, or holds messages.
    func exists(_ queue: QueueName) -> Bool { !queues.isEmpty && queues[queue] != nil }

    /// Keeps a queue for a consumer that is absent, or no longer.
    mutating func countAbsent(_ change: Int, of queue: QueueName) {
        makeIfMissing(queue)
        queues[queue]?.absentConsumers += change
        removeIfUnused(queue)
    }

    mutating func add(
        _ consumer: QueueCore.Consumer,
        to queue: QueueName,
        now: Duration,
        effects: inout [BrokerEffect]
    ) {
        makeIfMissing(queue)
        let held = tags[consumer.recipient.client]?.count { unsettled[$0]?.consumer == consumer.recipient } ?? 0
        queues[queue]?.add(consumer, inHand: held)
        pump(queue, now: now, effects: &effects)
    }

    /// Assigns a consumer no more. What it holds can still be settled.
    mutating func remove(_ consumer: Recipient, from queue: QueueName) {
        queues[queue]?.removeConsumer(consumer)
        removeIfUnused(queue)
    }

    /// Puts back what a client holds unsettled, all of it before any of it is delivered again.
    mutating func requeueAll(of client: Int, now: Duration, effects: inout [BrokerEffect]) {
        var returned: [(queue: QueueName, dead: [DeadLetter])] = []
        for tag in tags.removeValue(forKey: client)?.sorted() ?? [] {
            if let settled = takeBack(tag, as: .requeue) { returned.append(settled) }
        }
        for (queue, dead) in returned { goOn(queue, dead, now: now, effects: &effects) }
    }

    func delivery(_ tag: UInt64) -> Unsettled? { unsettled[tag] }

    mutating func settle(
        _ tag: UInt64,
        as disposition: Disposition,
        now: Duration,
        effects: inout [BrokerEffect]
    ) {
        guard let (queue, dead) = takeBack(tag, as: disposition) else { return }
        goOn(queue, dead, now: now, effects: &effects)
    }

    /// Has a delivery be settled.
    ///
    /// - Returns: its queue, and what died by that; `nil`: it had been settled.
    private mutating func takeBack(_ tag: UInt64, as disposition: Disposition) -> (QueueName, [DeadLetter])? {
        guard let delivery = unsettled.removeValue(forKey: tag) else { return nil }
        tags[delivery.consumer.client]?.remove(tag)
        if disposition == .ack { note(.taken(delivery.queued.number)) }
        var dead: [DeadLetter] = []
        queues[delivery.queue]?.settle(delivery.queued, of: delivery.consumer, as: disposition, dead: &dead)
        if disposition == .requeue, let expiry = delivery.queued.expiresAt {
            deadlines.note(delivery.queue, at: expiry)
        }
        return (delivery.queue, dead)
    }

    /// Buries what has died, and delivers what can be.
    private mutating func goOn(
        _ queue: QueueName,
        _ dead: [DeadLetter],
        now: Duration,
        effects: inout [BrokerEffect]
    ) {
        bury(dead, of: queue, now: now, effects: &effects)
        pump(queue, now: now, effects: &effects)
        removeIfUnused(queue)
    }

    /// Assigns what waits to the consumers that have room for it, and lets in the senders that wait.
    private mutating func pump(_ queue: QueueName, now: Duration, effects: inout [BrokerEffect]) {
        var dead: [DeadLetter] = []
        repeat {
            while let (next, consumer) = queues[queue]?.nextAssignment(now: now, dead: &dead) {
                lastTag += 1
                let tag = lastTag
                var queued = next
                queued.tag = tag
                note(.assigned(next.number, tag: tag))
                unsettled[tag] = Unsettled(queued: queued, queue: queue, consumer: consumer)
                tags[consumer.client, default: []].insert(tag)
                effects.append(.deliver(.assignment(queued, tag: tag, queue, to: consumer)))
            }
        } while admitParked(queue, effects: &effects)
        bury(dead, of: queue, now: now, effects: &effects)
    }

    /// - Returns: whether there was room for any.
    @discardableResult
    private mutating func admitParked(_ queue: QueueName, effects: inout [BrokerEffect]) -> Bool {
        let before = effects.count
        while let sender = queues[queue]?.admitParked() { effects.append(.admit(sender: sender)) }
        return effects.count > before
    }

    /// Sends dead letters where they go. A full dead-letter queue loses its oldest messages.
    private mutating func bury(
        _ dead: [DeadLetter],
        of queue: QueueName,
        now: Duration,
        effects: inout [BrokerEffect]
    ) {
        guard !dead.isEmpty else { return }
        for letter in dead { note(.taken(letter.queued.number)) }
        guard let target = queues[queue]?.options.deadLetters else {
            droppedDeadLetters += dead.count
            return
        }
        makeIfMissing(target)
        for letter in dead {
            var message = letter.queued.readable
            message.headers[Headers.Standard.deathReason] = .string(letter.reason.rawValue)
            message.headers[Headers.Standard.deathQueue] = .string(queue.text)
            message.headers[Headers.Standard.deathDeliveries] = .integer(Int64(letter.queued.deliveries))
            let buried = makeQueued(message, for: target, now: now)
            note(.queued(buried, in: target))
            var displaced: [DeadLetter] = []
            queues[target]?.bury(buried, dead: &displaced)
            bury(displaced, of: target, now: now, effects: &effects)
        }
        pump(target, now: now, effects: &effects)
    }

    // MARK: Expiry

    /// Takes out everything that has expired.
    mutating func expire(at now: Duration, effects: inout [BrokerEffect]) {
        while let queue = deadlines.popDue(at: now) {
            var dead: [DeadLetter] = []
            let senders = queues[queue]?.expire(at: now, dead: &dead) ?? []
            for sender in senders {
                note(.taken(sender))
                effects.append(.expire(sender: sender))
            }
            bury(dead, of: queue, now: now, effects: &effects)
            pump(queue, now: now, effects: &effects)
            if let next = queues[queue]?.nextDeadline { deadlines.note(queue, at: next) }
            removeIfUnused(queue)
        }
    }
}

// MARK: What outlives the process

extension BrokerQueues {
    /// Notes a change of what is in them.
    private mutating func note(_ change: @autoclosure () -> BrokerChange) {
        if recordsChanges { changes.append(change()) }
    }

    /// All messages that there are, in no particular order: those that wait, for consumers or for room, and those in hand.
    func forEachMessage<Failure: Error>(
        _ body: (QueueName, QueuedMessage) throws(Failure) -> Void
    ) throws(Failure) {
        for (name, queue) in queues {
            for queued in queue.waiting { try body(name, queued) }
            for queued in queue.parked { try body(name, queued) }
        }
        for delivery in unsettled.values { try body(delivery.queue, delivery.queued) }
    }

    /// Has messages be in a queue again that were in that of an earlier process, in their order.
    ///
    /// - Parameter holders: who has those in hand that somebody has, by the tags of their deliveries.
    mutating func restore(
        _ messages: [QueuedMessage],
        in queue: QueueName,
        holders: [UInt64: Recipient],
        now: Duration,
        effects: inout [BrokerEffect]
    ) {
        makeIfMissing(queue)
        for queued in messages { if let time = queued.expiresAt { deadlines.note(queue, at: time) } }
        var dead: [DeadLetter] = []
        for queued in queues[queue]?.restore(messages, dead: &dead, isHeld: { holders[$0.tag] != nil }) ?? [] {
            guard let holder = holders[queued.tag] else { continue }
            unsettled[queued.tag] = Unsettled(queued: queued, queue: queue, consumer: holder)
            tags[holder.client, default: []].insert(queued.tag)
        }
        bury(dead, of: queue, now: now, effects: &effects)
        // What has expired meanwhile is not delivered.
        expire(at: now, effects: &effects)
        pump(queue, now: now, effects: &effects)
        removeIfUnused(queue)
    }

    /// Forgets what waits, and what some clients have in hand, since somebody else keeps it. Whoever waits for room is told that
    /// there was some.
    mutating func forget(heldBy clients: [Int], effects: inout [BrokerEffect]) {
        for tag in clients.flatMap({ tags[$0] ?? [] }) { _ = takeBack(tag, as: .ack) }
        for queue in Array(queues.keys) {
            for sender in queues[queue]?.removeWaiting() ?? [] { effects.append(.admit(sender: sender)) }
            removeIfUnused(queue)
        }
    }
}

extension BrokerQueues {
    /// The queues as they are right now, by name.
    var presence: [BrokerPresence.Queue] {
        queues.sorted { $0.key.text < $1.key.text }.map { name, queue in
            BrokerPresence.Queue(
                name: name,
                consumers: queue.consumers.count,
                waiting: queue.waiting.count,
                unsettled: queue.inHand
            )
        }
    }
}
