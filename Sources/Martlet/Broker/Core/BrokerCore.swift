/// The embedded broker's logic: clients, topics, retained messages, queues, reply addresses.
///
/// A pure value. A command changes it and leaves what is to be done in ``effects``; the shell, ``MemoryBroker``, holds
/// mailboxes, continuations and timers, and does it. Time and random addresses are passed in. Subscriptions and consumers
/// go by numbers that the shell makes.
struct BrokerCore: Sendable {
    /// A client's interest in topics. It stays when the link is lost and restored.
    private struct Subscription: Sendable {
        var id: Int
        let pattern: TopicPattern
        let group: String?
        let retained: Bool
        let retainAsPublished: Bool

        /// Keeps of the options what the core needs: a broker may have a hundred thousand of these.
        init(id: Int, pattern: TopicPattern, _ options: SubscribeOptions) {
            self.id = id
            self.pattern = pattern
            group = options.group
            retained = options.retained
            retainAsPublished = options.retainAsPublished
        }
    }

    /// A client's interest in a queue. It stays, too.
    private struct Consumer: Sendable {
        let id: Int
        let queue: QueueName
        let prefetch: Int
    }

    private struct Client: Sendable {
        var identity: BrokerClient
        let will: Will?
        /// Whether it is a session, whose subscriptions hold while its client is absent.
        var isSession = false
        var isOnline = true
        var subscriptions: [Int: Subscription] = [:]
        var consumers: [Int: Consumer] = [:]
        var replyAddress: String?
    }

    /// What is to be done. The shell empties it after each command.
    var effects: [BrokerEffect] = []
    /// What has changed of what is retained, as far as somebody wants to know.
    private var changes: [BrokerChange] = []
    private var recordsChanges = false
    private var clients: [Int: Client] = [:]
    private var index: SubscriberIndex
    private var shared = SharedTurns()
    private var retained: RetainedMessages
    private var queues: BrokerQueues
    private var replyAddresses = ReplyAddresses()
    /// How many clients are sessions.
    private var sessionCount = 0
    private var lastID = 0
    private var counts = BrokerStatistics()

    init(_ options: MemoryBroker.Options) {
        index = SubscriberIndex(cachedTopics: options.cachedTopics)
        retained = RetainedMessages(limit: options.retainedTopics, byteLimit: options.retainedBytes)
        queues = BrokerQueues(limit: options.queues, defaults: options.queueDefaults)
    }

    /// A number that is greater than all before it.
    mutating func makeID() -> Int {
        lastID += 1
        return lastID
    }

    // MARK: Clients

    mutating func connect(_ client: BrokerClient, will: Will?) {
        clients[client.id] = Client(identity: client, will: will)
    }

    /// Throws unless the client is connected and has its link.
    func checkOnline(_ client: Int) throws {
        guard let client = clients[client] else { throw MessagingError.closed }
        guard client.isOnline else { throw MessagingError.offline }
    }

    /// Whether the client is connected and has lost its link.
    func isCut(_ client: Int) -> Bool { clients[client]?.isOnline == false }

    /// A link is lost: what only the link held is undone, what the client asked for is remembered.
    mutating func cut(_ id: Int, now: Duration) {
        guard let client = clients[id], client.isOnline else { return }
        clients[id]?.isOnline = false
        withdraw(client, now: now)
        if let will = client.will { publishWill(will) }
        effects.append(.tellGone(client.identity, inOrder: false))
    }

    /// The link is back: everything the client had asked for holds again.
    mutating func restore(_ id: Int, now: Duration) {
        guard let client = clients[id], !client.isOnline else { return }
        clients[id]?.isOnline = true
        for (number, old) in client.subscriptions.sorted(by: { $0.value.id < $1.value.id }) {
            var subscription = old
            subscription.id = makeID()
            add(subscription, Recipient(client: id, number: number), now: now)
        }
        for (number, old) in client.consumers.sorted(by: { $0.value.id < $1.value.id }) {
            addConsumer(Recipient(client: id, number: number), to: old.queue, prefetch: old.prefetch, now: now)
        }
    }

    /// A client leaves for good.
    mutating func disconnect(_ id: Int, now: Duration) {
        guard let client = clients.removeValue(forKey: id) else { return }
        if let address = client.replyAddress { replyAddresses.remove(address) }
        if client.isOnline { withdraw(client, now: now) }
        for number in client.subscriptions.keys.sorted() + client.consumers.keys.sorted() {
            effects.append(.end(number: number))
        }
        // One whose link was lost was told to be gone then.
        if client.isOnline { effects.append(.tellGone(client.identity, inOrder: true)) }
    }

    /// Undoes what only the link held.
    private mutating func withdraw(_ client: Client, now: Duration) {
        let id = client.identity.id
        for old in client.subscriptions.values { remove(old) }
        for (number, old) in client.consumers.sorted(by: { $0.key < $1.key }) {
            queues.remove(Recipient(client: id, number: number), from: old.queue)
        }
        queues.requeueAll(of: id, now: now, effects: &effects)
    }

    // MARK: Sessions

    /// A session's client is there: for the first time, or again.
    ///
    /// - Parameters:
    ///   - number: the session's, which it keeps, whoever connects to it.
    ///   - prefetch: how many deliveries of a queue it takes at a time.
    mutating func enter(_ number: Int, _ identity: BrokerClient, prefetch: Int, now: Duration) {
        guard let client = clients[number] else {
            clients[number] = Client(identity: identity, will: nil, isSession: true)
            sessionCount += 1
            return
        }
        clients[number]?.identity = identity
        guard !client.isOnline else { return }
        clients[number]?.isOnline = true
        for (own, old) in client.consumers.sorted(by: { $0.value.id < $1.value.id }) {
            addConsumer(Recipient(client: number, number: own), to: old.queue, prefetch: prefetch, now: now)
            queues.countAbsent(-1, of: old.queue)
        }
    }

    /// A session is there again whose client is not.
    mutating func restore(_ number: Int, _ identity: BrokerClient) {
        clients[number] = Client(identity: identity, will: nil, isSession: true, isOnline: false)
        sessionCount += 1
    }

    /// A session's client goes. Its subscriptions hold on, and queues that it consumes are kept for it.
    mutating func leave(_ number: Int, inOrder: Bool) {
        guard let client = clients[number], client.isOnline else { return }
        clients[number]?.isOnline = false
        for (own, old) in client.consumers {
            queues.countAbsent(1, of: old.queue)
            queues.remove(Recipient(client: number, number: own), from: old.queue)
        }
        effects.append(.tellGone(client.identity, inOrder: inOrder))
    }

    /// A session ends.
    mutating func end(_ number: Int, now: Duration) {
        leave(number, inOrder: false)
        guard let client = clients.removeValue(forKey: number) else { return }
        sessionCount -= 1
        effects.append(.tellExpired(client.identity))
        for old in client.subscriptions.values { remove(old) }
        for old in client.consumers.values { queues.countAbsent(-1, of: old.queue) }
        queues.requeueAll(of: number, now: now, effects: &effects)
    }

    /// Whether a client is a session.
    func isSession(_ client: Int) -> Bool { clients[client]?.isSession ?? false }

    /// The subscriptions of sessions to the topic that has a queue's name: on MQTT the two are one. Each share is there once.
    mutating func sessions(subscribedTo queue: QueueName) -> [Subscriber] {
        guard sessionCount > 0 else { return [] }
        return audience(of: TopicName(queue)).filter(\.isSession)
    }

    /// Whether a subscription is of a client that is there, and to its one topic.
    func awaits(_ subscriber: Subscriber) -> Bool {
        subscriber.knowsTopic && clients[subscriber.recipient.client]?.isOnline == true
    }

    /// The topics of a pattern for which a message is kept, in no particular order: there may be many.
    func keptTopics(of pattern: TopicPattern) -> [TopicName] { retained.topics(of: pattern) }

    /// How many topics have a message that is kept.
    var keptCount: Int { retained.count }

    func keptMessage(for topic: TopicName, now: Duration) -> BrokerPublication? {
        retained.message(for: topic, now: now)
    }

    /// All messages that are kept, in no particular order.
    var keptMessages: [BrokerPublication] { Array(retained.all) }

    /// Keeps a message that was kept before, unless there is a newer one.
    ///
    /// - Returns: whether it is kept.
    mutating func restore(_ publication: BrokerPublication, now: Duration) -> Bool {
        guard retained.message(for: publication.topic, now: now) == nil, retained.hasRoom(for: publication),
            publication.expiresAt.map({ $0 > now }) ?? true
        else { return false }
        retained.keep(publication)
        return true
    }

    // MARK: What outlives the process

    /// Whether somebody wants to know what changes of what is retained and of what is in queues.
    mutating func recordChanges(_ isRecording: Bool) {
        (recordsChanges, queues.recordsChanges) = (isRecording, isRecording)
        if !isRecording { _ = takeChanges() }
    }

    /// Takes what has changed since the last time.
    mutating func takeChanges() -> [BrokerChange] {
        guard !changes.isEmpty || !queues.changes.isEmpty else { return [] }
        defer {
            changes.removeAll(keepingCapacity: true)
            queues.changes.removeAll(keepingCapacity: true)
        }
        return changes + queues.changes
    }

    /// What is in queues.
    var queueContents: QueueContents { QueueContents(queues: queues) }

    mutating func restore(
        _ messages: [QueuedMessage],
        in queue: QueueName,
        holders: [UInt64: Recipient],
        now: Duration
    ) {
        queues.restore(messages, in: queue, holders: holders, now: now, effects: &effects)
    }

    /// Forgets what waits in queues, and what sessions have in hand of them, since somebody else keeps it.
    mutating func forgetQueued() {
        queues.forget(heldBy: clients.filter { $0.value.isSession }.map(\.key), effects: &effects)
    }

    // MARK: Topics

    /// Publishes a message. All that is published goes this way.
    ///
    /// - Returns: the subscribers that the shell is to deliver it to, all at once.
    /// - Throws: ``MessagingError/Code/refused`` if it is to be kept and would be one retained topic too many.
    mutating func publish(_ publication: BrokerPublication) throws -> [Subscriber] {
        if publication.retain {
            try checkRoom(for: publication)
            retained.keep(publication)
            if recordsChanges { changes.append(.kept(publication)) }
        }
        counts.published += 1
        return audience(of: publication.topic)
    }

    /// Throws ``MessagingError/Code/refused`` if a message is to be kept and would be one retained topic too many.
    func checkRoom(for publication: BrokerPublication) throws {
        guard publication.retain, !retained.hasRoom(for: publication) else { return }
        throw MessagingError(
            .refused,
            "the broker retains \(retained.limit) topics and \(retained.byteLimit) bytes, and takes no more"
        )
    }

    /// Whoever gets what is published to a topic now: of each share the one whose turn it is.
    private mutating func audience(of topic: TopicName) -> [Subscriber] {
        shared.choose(among: index.subscribers(of: topic)) { clients[$0.recipient.client]?.isOnline ?? false }
    }

    /// Publishes a message that no task waits to see published: a will, or one of the broker's handler.
    ///
    /// - Throws: as ``publish(_:)``.
    mutating func announce(_ publication: BrokerPublication) throws {
        for subscriber in try publish(publication) {
            let isRetained = publication.retain && subscriber.retainAsPublished
            effects.append(.deliver(.publication(publication, isRetained: isRetained, to: subscriber)))
        }
    }

    /// The other members of the share that a subscription is of, in the order in which they are to be tried.
    mutating func others(than recipient: Recipient, for topic: TopicName) -> [Subscriber] {
        guard let old = clients[recipient.client]?.subscriptions[recipient.number], let group = old.group else {
            return []
        }
        let share = SharedTurns.Share(group, old.pattern)
        let others = index.subscribers(of: topic).filter {
            $0.share == share && $0.recipient.client != recipient.client
        }
        return shared.order(others, of: share) { clients[$0.recipient.client]?.isOnline ?? false }
    }

    private mutating func publishWill(_ will: Will) {
        do {
            try announce(BrokerPublication(will.message, to: will.topic, retain: will.retain))
        } catch {
            // There is no room to keep it. Those who are there get it all the same.
            try? announce(BrokerPublication(will.message, to: will.topic, retain: false))
        }
    }

    /// Adds a subscription under a number of the shell's, and has it get what is retained.
    mutating func subscribe(
        _ recipient: Recipient,
        to pattern: TopicPattern,
        _ options: SubscribeOptions,
        now: Duration
    ) {
        add(Subscription(id: makeID(), pattern: pattern, options), recipient, now: now)
    }

    private mutating func add(_ subscription: Subscription, _ recipient: Recipient, now: Duration) {
        clients[recipient.client]?.subscriptions[recipient.number] = subscription
        let pattern = subscription.pattern
        let share = subscription.group.map { SharedTurns.Share($0, pattern) }
        if let share { shared.join(share) }
        let subscriber = Subscriber(
            recipient: recipient,
            retainAsPublished: subscription.retainAsPublished,
            knowsTopic: !pattern.hasWildcards,
            share: share,
            isSession: clients[recipient.client]?.isSession ?? false
        )
        index.insert(subscriber, id: subscription.id, for: pattern)
        guard subscription.retained, share == nil else { return }
        for topic in retained.topics(of: pattern).sorted(by: { $0.text < $1.text }) {
            guard let kept = retained.message(for: topic, now: now) else { continue }
            effects.append(.deliver(.publication(kept, isRetained: true, to: subscriber)))
        }
    }

    /// - Returns: what was subscribed to, and by whom; `nil`: nothing.
    @discardableResult
    mutating func unsubscribe(_ recipient: Recipient) -> (TopicPattern, BrokerClient)? {
        // First: with a copy of the client at hand all of its subscriptions would be copied.
        guard let old = clients[recipient.client]?.subscriptions.removeValue(forKey: recipient.number),
            let client = clients[recipient.client]
        else { return nil }
        // Of one whose link is lost it has been removed, but for a session's.
        if client.isOnline || client.isSession { remove(old) }
        return (old.pattern, client.identity)
    }

    /// A client as the handler knows it.
    func identity(of client: Int) -> BrokerClient? { clients[client]?.identity }

    private mutating func remove(_ subscription: Subscription) {
        index.remove(id: subscription.id, for: subscription.pattern)
        if let group = subscription.group { shared.leave(SharedTurns.Share(group, subscription.pattern)) }
    }

    // MARK: Replies

    /// Has a client hear an address of ``ReplyAddresses/make()``, unless it hears one already.
    ///
    /// - Returns: the address that it hears.
    mutating func hearReplies(_ client: Int, at address: String) -> String {
        if let heard = clients[client]?.replyAddress { return heard }
        clients[client]?.replyAddress = address
        replyAddresses.add(address, of: client)
        return address
    }

    /// Sends a reply.
    ///
    /// - Returns: whether a client hears the address.
    mutating func reply(_ message: Message, to address: String) -> Bool {
        guard let client = replyAddresses.owner(of: address), clients[client]?.isOnline == true else {
            counts.undeliverableReplies += 1
            return false
        }
        effects.append(.deliver(.reply(message, address: address, client: client)))
        return true
    }

    /// Counts a reply to a topic that nobody subscribes to.
    mutating func countUndeliverableReply() { counts.undeliverableReplies += 1 }

    // MARK: Queues

    mutating func declare(_ queue: QueueName, _ options: QueueOptions) throws {
        try queues.declare(queue, options)
    }

    /// Sends a message to a queue.
    ///
    /// - Parameter origin: what it is made of, for those who can use that as it is.
    /// - Returns: the number under which its sender waits for room; `nil`: the message is in the queue.
    mutating func send(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions,
        origin: (any AnyObject & Sendable)? = nil,
        now: Duration
    ) throws -> UInt64? {
        try queues.send(message, to: queue, options, origin: origin, now: now, effects: &effects)
    }

    /// Whether a queue was declared, is consumed, or holds messages.
    func hasQueue(_ queue: QueueName) -> Bool { queues.exists(queue) }

    /// Takes back the message of a sender that waits no longer.
    ///
    /// - Returns: whether it still waited.
    mutating func withdraw(_ sender: UInt64, from queue: QueueName) -> Bool {
        queues.withdraw(sender, from: queue, effects: &effects)
    }

    /// Adds a consumer under a number of the shell's.
    ///
    /// - Throws: ``MessagingError/Code/refused`` if the queue would be one too many.
    mutating func consume(_ recipient: Recipient, from queue: QueueName, prefetch: Int, now: Duration) throws {
        try queues.checkRoom(for: queue)
        if let client = clients[recipient.client], client.isSession, !client.isOnline {
            let consumer = Consumer(id: makeID(), queue: queue, prefetch: prefetch)
            clients[recipient.client]?.consumers[recipient.number] = consumer
            queues.countAbsent(1, of: queue)
        } else {
            addConsumer(recipient, to: queue, prefetch: prefetch, now: now)
        }
    }

    private mutating func addConsumer(_ recipient: Recipient, to queue: QueueName, prefetch: Int, now: Duration) {
        let id = makeID()
        clients[recipient.client]?.consumers[recipient.number] = Consumer(id: id, queue: queue, prefetch: prefetch)
        let consumer = QueueCore.Consumer(recipient: recipient, prefetch: prefetch)
        queues.add(consumer, to: queue, now: now, effects: &effects)
    }

    /// A consumer takes no more. What it holds is settled by whoever has it.
    mutating func stopConsuming(_ recipient: Recipient) {
        guard let old = clients[recipient.client]?.consumers.removeValue(forKey: recipient.number) else { return }
        if let client = clients[recipient.client], client.isSession, !client.isOnline {
            queues.countAbsent(-1, of: old.queue)
        } else {
            queues.remove(recipient, from: old.queue)
        }
    }

    /// A delivery that is not settled yet.
    func delivery(_ tag: UInt64) -> BrokerQueues.Unsettled? { queues.delivery(tag) }

    mutating func settle(_ tag: UInt64, as disposition: Disposition, now: Duration) {
        queues.settle(tag, as: disposition, now: now, effects: &effects)
    }

    // MARK: Expiry

    /// When ``expire(at:)`` next has something to do; `nil`: nothing kept expires.
    var nextDeadline: Duration? {
        guard let retained = retained.nextDeadline else { return queues.nextDeadline }
        return min(retained, queues.nextDeadline ?? retained)
    }

    /// Takes out everything that has expired.
    mutating func expire(at now: Duration) {
        let expired = retained.expire(at: now)
        if recordsChanges { changes += expired.map { .cleared($0) } }
        queues.expire(at: now, effects: &effects)
    }

    // MARK: What there is

    /// Takes back what was counted as published since the count was this.
    mutating func countPublished(as count: Int) { counts.published = count }

    /// Counts a request that the broker's handler refused.
    mutating func countRefusal() { counts.refused += 1 }

    /// Counts a message of the broker's handler that could not be passed on.
    mutating func countDroppedAction() { counts.droppedActions += 1 }

    var statistics: BrokerStatistics {
        var statistics = counts
        statistics.sent = queues.sent
        statistics.droppedDeadLetters = queues.droppedDeadLetters
        return statistics
    }

    var presence: BrokerPresence {
        BrokerPresence(
            clients: clients.values.filter(\.isOnline).sorted { $0.identity.id < $1.identity.id }.map { client in
                BrokerPresence.Client(
                    client: client.identity,
                    subscriptions: client.subscriptions.values.sorted { $0.id < $1.id }.map(\.pattern),
                    queues: client.consumers.values.sorted { $0.id < $1.id }.map(\.queue)
                )
            },
            queues: queues.presence
        )
    }
}
