/// The embedded broker's logic: clients, topics, retained messages, queues, reply addresses. A pure value: it
/// decides what is delivered to whom and leaves the delivering to ``MemoryBroker``.
struct BrokerCore: Sendable {
    struct Subscriber {
        let mailbox: Mailbox<Delivery>
        let client: Int
        let retainAsPublished: Bool
        /// Whether what it gets need not say its topic.
        let knowsTopic: Bool
        /// What it shares with others.
        let share: SharedTurns.Share?
    }

    struct Client {
        let identity: BrokerClient
        let will: Will?
        var isOnline = true
        var subscriptions: [ObjectIdentifier: Subscription] = [:]
        var consumers: [ObjectIdentifier: Consumer] = [:]
        var unsettled: Set<UInt64> = []
        var hearsReplies = false
    }

    /// A client's interest in topics. The mailbox is its identity: it stays when the link is lost and restored.
    struct Subscription {
        let id: Int
        let pattern: TopicPattern
        let options: SubscribeOptions
        let mailbox: Mailbox<Delivery>
    }

    /// A client's interest in a queue.
    struct Consumer {
        let id: Int
        let queue: QueueName
        let options: ConsumeOptions
        let mailbox: Mailbox<Delivery>
    }

    struct Unsettled {
        let queued: QueuedMessage
        let queue: QueueName
        let consumer: Int
        let client: Int
    }

    struct Retained {
        let message: Message
        let expiresAt: Duration?
    }

    let options: MemoryBroker.Options
    private(set) var clients: [Int: Client] = [:]
    private(set) var queues: [QueueName: QueueCore] = [:]
    private var index = FilterIndex<Subscriber>()
    /// Of recently used topics, who subscribes: most messages go where others have gone before.
    private var matches: [TopicName: [Subscriber]] = [:]
    /// The same of the latest topic, which is often the next one as well.
    private var latestMatch: (topic: TopicName, subscribers: [Subscriber])?
    private var shared = SharedTurns()
    private var retained: [TopicName: Retained] = [:]
    private var unsettled: [UInt64: Unsettled] = [:]
    private var lastID = 0
    private var lastTag: UInt64 = 0
    var statistics = BrokerStatistics()
    /// When the first of what came since the last look expires. The shell takes it after each call.
    var nextExpiry: Duration?
    /// What is to be delivered. The shell empties it after each call, keeping its storage.
    var effects: [BrokerEffect] = []
    /// Senders whose messages were let in. The shell resumes them after each call, when it has let go of its lock.
    var admitted: [CheckedContinuation<Void, any Error>] = []

    init(_ options: MemoryBroker.Options) {
        self.options = options
    }

    mutating func makeID() -> Int {
        lastID += 1
        return lastID
    }

    // MARK: Clients

    mutating func connect(_ client: BrokerClient, will: Will?) {
        clients[client.id] = Client(identity: client, will: will)
    }

    /// A link is lost: what only the link held is undone, what the client asked for is remembered.
    mutating func cut(_ id: Int, now: Duration) {
        guard let client = clients[id], client.isOnline else { return }
        clients[id]?.isOnline = false
        withdraw(client, now: now)
        if let will = client.will { publish(will.message, to: will.topic, retain: will.retain) }
    }

    /// The link is back: everything the client had asked for holds again.
    mutating func restore(_ id: Int, now: Duration) {
        guard let client = clients[id], !client.isOnline else { return }
        clients[id]?.isOnline = true
        for old in client.subscriptions.values.sorted(by: { $0.id < $1.id }) {
            subscribe(id, to: old.pattern, old.options, old.mailbox, now: now)
        }
        for old in client.consumers.values.sorted(by: { $0.id < $1.id }) {
            consume(id, from: old.queue, old.options, old.mailbox, now: now)
        }
    }

    /// - Returns: the mailboxes to be closed.
    mutating func disconnect(_ id: Int, now: Duration) -> [Mailbox<Delivery>] {
        guard let client = clients.removeValue(forKey: id) else { return [] }
        if client.isOnline { withdraw(client, now: now) }
        return client.subscriptions.values.map(\.mailbox) + client.consumers.values.map(\.mailbox)
    }

    private mutating func withdraw(_ client: Client, now: Duration) {
        for old in client.subscriptions.values { remove(old) }
        forgetMatches()
        for old in client.consumers.values { queues[old.queue]?.removeConsumer(old.id) }
        clients[client.identity.id]?.unsettled = []
        for tag in client.unsettled.sorted() {
            guard let delivery = unsettled.removeValue(forKey: tag) else { continue }
            conclude(delivery, as: .requeue, now: now)
        }
        for queue in Set(client.consumers.values.map(\.queue)) { removeIfUnused(queue) }
    }

    // MARK: Topics

    /// Who gets what is published to a topic.
    mutating func subscribers(of topic: TopicName) -> [Subscriber] {
        statistics.published += 1
        if let latestMatch, latestMatch.topic.isSame(as: topic) { return shared.choose(among: latestMatch.subscribers) }
        let subscribers = matches[topic] ?? findSubscribers(of: topic)
        latestMatch = (topic, subscribers)
        return shared.choose(among: subscribers)
    }

    private mutating func findSubscribers(of topic: TopicName) -> [Subscriber] {
        var subscribers: [Subscriber] = []
        index.forEachMatch(of: topic) { subscribers.append($0) }
        if matches.count >= options.cachedTopics { matches.removeAll(keepingCapacity: true) }
        matches[topic] = subscribers
        return subscribers
    }

    /// Somebody subscribes, or no longer does.
    private mutating func forgetMatches() {
        matches.removeAll(keepingCapacity: true)
        latestMatch = nil
    }

    /// Publishes what no client is waiting to see published: a will, a message of the broker's handler.
    mutating func publish(_ message: Message, to topic: TopicName, retain: Bool) {
        if retain { keep(message, for: topic, until: nil) }
        for subscriber in subscribers(of: topic) {
            let effect = BrokerEffect.publication(
                message,
                topic,
                isRetained: retain && subscriber.retainAsPublished,
                to: subscriber.mailbox,
                client: subscriber.client
            )
            effects.append(effect)
        }
    }

    mutating func keep(_ message: Message, for topic: TopicName, until time: Duration?) {
        if message.body.isEmpty {
            retained[topic] = nil
        } else {
            if let time { noteExpiry(at: time) }
            retained[topic] = Retained(message: message, expiresAt: time)
        }
    }

    /// Whether a message for a topic would be one retained topic too many.
    func exceedsRetained(_ topic: TopicName) -> Bool {
        retained.count >= options.retainedTopics && retained[topic] == nil
    }

    mutating func subscribe(
        _ client: Int,
        to pattern: TopicPattern,
        _ options: SubscribeOptions,
        _ mailbox: Mailbox<Delivery>,
        now: Duration
    ) {
        let id = makeID()
        clients[client]?.subscriptions[ObjectIdentifier(mailbox)] =
            Subscription(id: id, pattern: pattern, options: options, mailbox: mailbox)
        let share = options.group.map { SharedTurns.Share($0, pattern) }
        if let share { shared.join(share) }
        let subscriber = Subscriber(
            mailbox: mailbox,
            client: client,
            retainAsPublished: options.retainAsPublished,
            knowsTopic: !pattern.hasWildcards,
            share: share
        )
        index.insert(subscriber, id: id, for: pattern)
        forgetMatches()
        guard options.retained, share == nil else { return }
        for (topic, kept) in retained.filter({ pattern.matches($0.key) }).sorted(by: { $0.key.text < $1.key.text }) {
            if let expiry = kept.expiresAt, expiry <= now {
                retained[topic] = nil
            } else {
                effects.append(.publication(kept.message, topic, isRetained: true, to: mailbox, client: client))
            }
        }
    }

    mutating func unsubscribe(_ client: Int, _ mailbox: Mailbox<Delivery>) {
        guard let old = clients[client]?.subscriptions.removeValue(forKey: ObjectIdentifier(mailbox)) else { return }
        // Of one whose link is lost it has been removed.
        if clients[client]?.isOnline == true { remove(old) }
        forgetMatches()
    }

    private mutating func remove(_ subscription: Subscription) {
        index.remove(id: subscription.id, for: subscription.pattern)
        if let group = subscription.options.group { shared.leave(SharedTurns.Share(group, subscription.pattern)) }
    }

    // MARK: Replies

    mutating func hearReplies(_ client: Int) {
        clients[client]?.hearsReplies = true
    }

    /// Whether somebody hears the address.
    mutating func reply(_ message: Message, to address: String) -> Bool {
        guard let id = Self.client(ofAddress: address), let client = clients[id], client.isOnline, client.hearsReplies
        else {
            statistics.undeliverableReplies += 1
            return false
        }
        effects.append(.reply(message, address: address, client: id))
        return true
    }

    static func address(of client: Int) -> String { "reply.\(client)" }

    private static func client(ofAddress address: String) -> Int? {
        guard address.hasPrefix("reply.") else { return nil }
        return Int(address.dropFirst("reply.".count))
    }

    // MARK: Queues

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
            try makeRoomForQueue(queue)
            queues[queue] = QueueCore(options, isDeclared: true)
        }
    }

    /// A queue that nobody declared. Of the queue that dead letters go to by default, dead letters go nowhere.
    private func undeclared(_ queue: QueueName) -> QueueCore {
        var options = options.queueDefaults
        if options.deadLetters == queue { options.deadLetters = nil }
        return QueueCore(options, isDeclared: false)
    }

    func makeRoomForQueue(_ queue: QueueName) throws {
        guard queues[queue] != nil || queues.count < options.queues else {
            throw MessagingError(.refused, "the broker has \(queues.count) queues and takes no more, so not \(queue)")
        }
    }

    mutating func send(_ message: Message, to queue: QueueName, _ options: SendOptions, now: Duration) throws
        -> QueueCore.Admission
    {
        let consumers = queues[queue]?.consumers.count ?? 0
        if options.requiresConsumer, consumers == 0 {
            throw MessagingError(.noResponder, "nobody consumes \(queue) right now")
        }
        try makeRoomForQueue(queue)
        if queues[queue] == nil { queues[queue] = undeclared(queue) }
        statistics.sent += 1
        noteExpiry(of: queue, options.expiry, now: now)
        var dead: [DeadLetter] = []
        let admission = queues[queue]?.admit(message, expiry: options.expiry, now: now, dead: &dead) ?? .full
        bury(dead, of: queue, now: now)
        pump(queue, now: now)
        return admission
    }

    mutating func consume(
        _ client: Int,
        from queue: QueueName,
        _ options: ConsumeOptions,
        _ mailbox: Mailbox<Delivery>,
        now: Duration
    ) {
        let id = makeID()
        clients[client]?.consumers[ObjectIdentifier(mailbox)] =
            Consumer(id: id, queue: queue, options: options, mailbox: mailbox)
        if queues[queue] == nil { queues[queue] = undeclared(queue) }
        queues[queue]?.add(QueueConsumer(id: id, client: client, prefetch: options.prefetch, mailbox: mailbox))
        pump(queue, now: now)
    }

    /// The consumer takes no more; what it has is settled by whoever holds it.
    mutating func stopConsuming(_ client: Int, _ mailbox: Mailbox<Delivery>) {
        guard let old = clients[client]?.consumers.removeValue(forKey: ObjectIdentifier(mailbox)) else { return }
        queues[old.queue]?.removeConsumer(old.id)
        removeIfUnused(old.queue)
    }

    func unsettledDelivery(_ tag: UInt64) -> Unsettled? { unsettled[tag] }

    mutating func settle(_ tag: UInt64, as disposition: Disposition, now: Duration) {
        guard let delivery = unsettled.removeValue(forKey: tag) else { return }
        clients[delivery.client]?.unsettled.remove(tag)
        conclude(delivery, as: disposition, now: now)
        removeIfUnused(delivery.queue)
    }

    private mutating func conclude(_ delivery: Unsettled, as disposition: Disposition, now: Duration) {
        var dead: [DeadLetter] = []
        queues[delivery.queue]?.settle(delivery.queued, of: delivery.consumer, as: disposition, dead: &dead)
        bury(dead, of: delivery.queue, now: now)
        pump(delivery.queue, now: now)
    }

    /// Assigns what waits to whoever has room for it.
    private mutating func pump(_ queue: QueueName, now: Duration) {
        var dead: [DeadLetter] = []
        while let (queued, consumer) = queues[queue]?.nextAssignment(now: now, dead: &dead) {
            lastTag += 1
            unsettled[lastTag] = Unsettled(queued: queued, queue: queue, consumer: consumer.id, client: consumer.client)
            clients[consumer.client]?.unsettled.insert(lastTag)
            effects.append(
                .assignment(queued, tag: lastTag, queue, to: consumer.mailbox, client: consumer.client)
            )
            admitParked(queue)
        }
        admitParked(queue)
        bury(dead, of: queue, now: now)
    }

    private mutating func admitParked(_ queue: QueueName) {
        admitted += queues[queue]?.admitParked() ?? []
    }

    /// Sends dead letters where they go. A full dead-letter queue loses its oldest.
    private mutating func bury(_ dead: [DeadLetter], of queue: QueueName, now: Duration) {
        guard !dead.isEmpty else { return }
        guard let target = queues[queue]?.options.deadLetters else {
            statistics.droppedDeadLetters += dead.count
            return
        }
        if queues[target] == nil { queues[target] = undeclared(target) }
        noteExpiry(of: target, nil, now: now)
        for letter in dead {
            var message = letter.queued.message
            message.headers[Headers.Standard.deathReason] = .string(letter.reason.rawValue)
            message.headers[Headers.Standard.deathQueue] = .string(queue.text)
            message.headers[Headers.Standard.deathDeliveries] = .integer(Int64(letter.queued.deliveries))
            var displaced: [DeadLetter] = []
            queues[target]?.bury(message, now: now, dead: &displaced)
            bury(displaced, of: target, now: now)
        }
        pump(target, now: now)
    }

    mutating func attach(_ continuation: CheckedContinuation<Void, any Error>, to id: UInt64, of queue: QueueName)
        -> Bool
    {
        queues[queue]?.attach(continuation, to: id) ?? false
    }

    mutating func withdraw(_ id: UInt64, from queue: QueueName) -> ParkingLot<QueuedMessage>.Parked? {
        let parked = queues[queue]?.withdraw(id)
        removeIfUnused(queue)
        return parked
    }

    private mutating func removeIfUnused(_ queue: QueueName) {
        if queues[queue]?.isUnused == true { queues[queue] = nil }
    }

    // MARK: Expiry

    private mutating func noteExpiry(at time: Duration) {
        nextExpiry = min(time, nextExpiry ?? time)
    }

    /// A message comes into a queue: it expires by its own time, and by the queue's.
    private mutating func noteExpiry(of queue: QueueName, _ expiry: Duration?, now: Duration) {
        if let life = [expiry, queues[queue]?.options.timeToLive].compactMap({ $0 }).min() {
            noteExpiry(at: now + life.capped)
        }
    }

    /// Takes out everything that has expired.
    ///
    /// - Returns: when the next message expires, and the senders whose messages expired before there was room.
    mutating func expire(at now: Duration) -> (next: Duration?, senders: [CheckedContinuation<Void, any Error>]) {
        var senders: [CheckedContinuation<Void, any Error>] = []
        for queue in Array(queues.keys) {
            var dead: [DeadLetter] = []
            queues[queue]?.expire(at: now, dead: &dead)
            senders += queues[queue]?.expireParked(at: now) ?? []
            bury(dead, of: queue, now: now)
            pump(queue, now: now)
            removeIfUnused(queue)
        }
        for (topic, kept) in retained where kept.expiresAt.map({ $0 <= now }) ?? false { retained[topic] = nil }
        let next = (queues.values.compactMap(\.nextExpiry) + retained.values.compactMap(\.expiresAt)).min()
        return (next, senders)
    }

    // MARK: Presence

    var presence: BrokerPresence {
        BrokerPresence(
            clients: clients.values.filter(\.isOnline).sorted { $0.identity.id < $1.identity.id }.map { client in
                BrokerPresence.Client(
                    client: client.identity,
                    subscriptions: client.subscriptions.values.sorted { $0.id < $1.id }.map(\.pattern),
                    queues: client.consumers.values.sorted { $0.id < $1.id }.map(\.queue)
                )
            },
            queues: queues.sorted { $0.key.text < $1.key.text }.map { name, queue in
                BrokerPresence.Queue(
                    name: name,
                    consumers: queue.consumers.count,
                    waiting: queue.waiting.count,
                    unsettled: queue.inHand
                )
            }
        )
    }
}
