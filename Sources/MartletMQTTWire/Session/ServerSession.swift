/// What a broker holds for one client: its connection, if it has one, and what outlives that.
///
/// A pure value. Packets, deliveries and the time go in; what is to be done comes out. The host does it in order, and
/// tells the outcome where an action says so.
package struct ServerSession: Sendable {
    /// A subscription, under a number that the session has never given to another.
    package struct Subscription: Sendable {
        package let number: Int
        package var entry: SubscribeRequest.Entry
        package var identifier: UInt32?
        /// Whether it is shared with others.
        package let isShared: Bool
        /// The filter that the host subscribes to in its place; `nil`: its own.
        package var ruling: String?

        package init(number: Int, entry: SubscribeRequest.Entry, identifier: UInt32?, ruling: String? = nil) {
            self.number = number
            self.entry = entry
            self.identifier = identifier
            self.ruling = ruling
            isShared = SharedFilter(entry.filter)?.group != nil
        }
    }

    /// What was counted.
    package struct Counts: Sendable, Hashable {
        /// Messages that found no room, or no client for QoS 0.
        package var dropped = 0
        /// Messages that expired before they could be sent.
        package var expired = 0
        /// Messages longer than the client takes.
        package var tooLong = 0
        /// Messages that the client sent beyond what it was told it may have on their way.
        package var overrun = 0
    }

    package let clientID: String
    package var limits: SessionLimits
    var link: ClientLink?
    /// By their numbers.
    private var subscriptions: [Int: Subscription] = [:]
    /// The numbers by filters.
    private var numbers: [[UInt8]: Int] = [:]
    private var lastNumber = 0
    var queue = OutgoingQueue()
    var inFlight = InFlightMessages()
    /// The messages of QoS 2 that have come and are not released yet, by their packet identifiers.
    var received: [UInt16: ContentMark] = [:]
    var will: WillMessage?
    /// How long it is kept when the connection is lost.
    var expiry = Duration.zero
    /// As the client asked for it.
    var askedExpiry: UInt32 = 0
    /// Since when there is no connection.
    var leftAt: Duration?
    package var counts = Counts()
    /// Whether the host wants to know by ``takeChanges()`` what changes of all that outlives a connection.
    package var recordsChanges = false
    /// Whether the host has been told of this session.
    package internal(set) var isRecorded = false
    var changes: [SessionChange] = []
    /// The subscriptions that have yet to get messages that are kept for their topics, by their numbers.
    package internal(set) var owed: Set<Int> = []

    package init(clientID: String, limits: SessionLimits = SessionLimits()) {
        self.clientID = clientID
        self.limits = limits
    }

    // MARK: What it is

    package var isConnected: Bool { link != nil }
    /// The version of its connection.
    package var version: ProtocolVersion? { link?.version }
    package var queuedMessages: Int { queue.count }
    package var queuedBytes: Int { queue.bytes }
    package var messagesInFlight: Int { inFlight.count }
    package var subscriptionCount: Int { subscriptions.count }

    /// Whether a message that waits elsewhere can be sent to the client now.
    package var hasRoom: Bool {
        guard let link, link.isWritable else { return false }
        return queue.isEmpty && !inFlight.isResending && inFlight.window < link.receiveMaximum
    }

    /// How many messages of QoS 1 and 2 its client takes at a time.
    package var window: Int { link?.receiveMaximum ?? limits.inFlight }

    // MARK: Connecting

    /// Takes a connection of the client, whose CONNECT was accepted. An earlier one is to have been ended by
    /// ``takeOver(now:_:)``.
    ///
    /// - Parameters:
    ///   - isResumed: whether the session was there before.
    ///   - assignedID: whether the client left its name to the server.
    ///   - authenticationData: what the client is told at the end of an authentication by the method that it named.
    ///   - time: how long it may stay; `nil`: for any time.
    package mutating func connect(
        _ connect: Connect,
        isResumed: Bool,
        assignedID: Bool = false,
        authenticationData: [UInt8] = [],
        for time: Duration? = nil,
        now: Duration,
        _ actions: inout [SessionAction]
    ) {
        link = ClientLink(connect, limits, isResumed: isResumed, now: now)
        link?.endsAt = time.map { now + $0 }
        leftAt = nil
        will = connect.will
        // Before MQTT 5 a session is for one connection, or for ever.
        let legacyExpiry: UInt32 = connect.cleanStart ? 0 : .max
        askedExpiry = connect.version == .v5 ? connect.properties.number(.sessionExpiryInterval) ?? 0 : legacyExpiry
        expiry = limits.granted(sessionExpiry: askedExpiry)
        noteArrival()
        var answer = Connack(.success, sessionPresent: isResumed && connect.version > .v31)
        if connect.version == .v5 { answer.properties = terms(for: connect, assignedID: assignedID) }
        if var authentication = Authentication(connect) {
            answer.properties.all += authentication.succeed(authenticationData).properties.all
            link?.authentication = authentication
        }
        // A client that is not told what it gets can't keep to it; nor could one that has the server prove who it is do without
        // the data (3.1.2-24).
        guard fits(.connack(answer)) else {
            will = nil
            let refusal = Packet.connack(Connack(.packetTooLarge))
            if fits(refusal) { send(refusal, &actions) }
            actions.append(.close)
            return leave(now: now, &actions)
        }
        send(.connack(answer), &actions)
        for id in inFlight.beginResending() { send(.pubrel(Acknowledgement(id)), &actions) }
        drain(now: now, &actions)
    }

    /// What a client of MQTT 5 is told of what it gets.
    private func terms(for connect: Connect, assignedID: Bool) -> PropertyList {
        var properties = PropertyList()
        if assignedID { properties.add(.assignedClientIdentifier, clientID) }
        let granted = UInt32(clamping: expiry.components.seconds)
        if expiry < .seconds(Int(askedExpiry)) { properties.add(.sessionExpiryInterval, granted) }
        let keepAlive = limits.granted(keepAlive: connect)
        if keepAlive != connect.keepAlive { properties.add(.serverKeepAlive, UInt32(keepAlive)) }
        if limits.receiveMaximum < UInt16.max { properties.add(.receiveMaximum, UInt32(limits.receiveMaximum)) }
        properties.add(.maximumPacketSize, UInt32(clamping: limits.packetBytes))
        if limits.topicAliases > 0 { properties.add(.topicAliasMaximum, UInt32(clamping: limits.topicAliases)) }
        return properties
    }

    /// Another connection takes the session's name: the one there is ends.
    package mutating func takeOver(now: Duration, _ actions: inout [SessionAction]) {
        guard link != nil else { return }
        cut(.sessionTakenOver, now: now, &actions)
    }

    // MARK: Its end

    /// The connection is lost: the client did not say that it goes.
    package mutating func loseLink(now: Duration, _ actions: inout [SessionAction]) {
        guard link != nil else { return }
        leave(now: now, &actions)
    }

    /// Ends the connection from this side, and says why where the client can be told. The will is published as if it had
    /// been lost.
    package mutating func cut(
        _ reason: ReasonCode,
        _ text: String? = nil,
        now: Duration,
        _ actions: inout [SessionAction]
    ) {
        guard let link else { return }
        if link.version == .v5 {
            var properties = PropertyList()
            if let text { properties.add(.reasonString, text) }
            send(.disconnect(Disconnect(reason, properties: properties)), &actions)
        }
        actions.append(.close)
        leave(now: now, &actions)
    }

    /// The client leaves in order: without its will, unless it says otherwise.
    mutating func disconnect(_ disconnect: Disconnect, now: Duration, _ actions: inout [SessionAction]) {
        if let seconds = disconnect.properties.number(.sessionExpiryInterval) {
            guard seconds == 0 || askedExpiry > 0 else {
                return cut(.protocolError, "a session that was to end is to be kept", now: now, &actions)
            }
            askedExpiry = seconds
            expiry = limits.granted(sessionExpiry: seconds)
        }
        if disconnect.reason == .success { will = nil }
        actions.append(.close)
        leave(now: now, &actions)
    }

    private mutating func leave(now: Duration, _ actions: inout [SessionAction]) {
        link = nil
        leftAt = now
        inFlight.loseLink()
        for delivery in takeReturnableDeliveries() { actions.append(.settle(delivery, .returned)) }
        counts.dropped += queue.dropUnguaranteed()
        noteLeave(at: now)
        settleAbsence(now: now, &actions)
    }

    /// Forgets the deliveries of queues that others may get now that there is no connection.
    ///
    /// - Returns: these, in order.
    mutating func takeReturnableDeliveries() -> [UInt64] {
        var deliveries: [UInt64] = []
        for (id, delivery) in inFlight.takeReturnable() {
            note(.acknowledged(id))
            deliveries.append(delivery)
        }
        for waiting in queue.takeDeliveries() {
            if waiting.qos > .atMostOnce { note(.dropped(waiting.number)) }
            if let delivery = waiting.match.delivery { deliveries.append(delivery) }
        }
        return deliveries
    }

    /// Throws the session away, as a client does that starts clean. Its will is due.
    package mutating func end(now: Duration, _ actions: inout [SessionAction]) {
        if link != nil { takeOver(now: now, &actions) }
        guard leftAt != nil else { return }
        if let will = will.take() { actions.append(.publishWill(will)) }
        finish(&actions)
    }

    private mutating func finish(_ actions: inout [SessionAction]) {
        leftAt = nil
        // Of one whose delivery has begun with QoS 2 nobody knows whether the client has it (MQTT 5, 4.8.2-5).
        for (_, delivery) in inFlight.takeDeliveries() { actions.append(.settle(delivery, .rejected)) }
        for (publication, subscription) in inFlight.shared + queue.shared {
            actions.append(.passOn(publication, subscription: subscription))
        }
        queue.removeAll()
        inFlight.removeAll()
        received = [:]
        actions.append(.end)
    }

    // MARK: Time

    /// Publishes the will when it is due, and ends the session when it is over: the will is due then at the latest.
    mutating func settleAbsence(now: Duration, _ actions: inout [SessionAction]) {
        if let willDueAt, willDueAt <= now, let will = will.take() { actions.append(.publishWill(will)) }
        if let endsAt, endsAt <= now { finish(&actions) }
    }

    /// When the session ends, of a client that is not there.
    private var endsAt: Duration? { leftAt.map { $0 + expiry } }

    private var willDueAt: Duration? {
        guard let will, let leftAt else { return nil }
        let delay = Duration.seconds(Int(will.properties.number(.willDelayInterval) ?? 0))
        return leftAt + min(delay, expiry)
    }

    /// When ``tick(now:_:)`` next has something to do; `nil`: nothing depends on time.
    package var nextDeadline: Duration? {
        var next = queue.nextExpiry
        func note(_ time: Duration?) {
            guard let time else { return }
            next = min(time, next ?? time)
        }
        if let link, let patience = link.patience, link.holds == 0 { note(link.lastHeard + patience) }
        if let stuckSince = link?.stuckSince { note(stuckSince + limits.drainTimeout) }
        note(link?.authenticatesBy)
        note(link?.endsAt)
        note(willDueAt)
        note(endsAt)
        return next
    }

    /// What the client has sent lately has not been read: its keep-alive counts from now.
    package mutating func excuse(now: Duration) { link?.lastHeard = now }

    /// Whether its client has said nothing for longer than it may.
    package func isSilent(at now: Duration) -> Bool {
        guard let link, let patience = link.patience, link.holds == 0 else { return false }
        return link.lastHeard + patience <= now
    }

    /// Time has passed.
    package mutating func tick(now: Duration, _ actions: inout [SessionAction]) {
        expireWaiting(now: now, &actions)
        if isSilent(at: now) { return cut(.keepAliveTimeout, now: now, &actions) }
        if let link {
            if let stuckSince = link.stuckSince, stuckSince + limits.drainTimeout <= now {
                return cut(.quotaExceeded, "the connection takes nothing more", now: now, &actions)
            }
            if let endsAt = link.endsAt, endsAt <= now { return cut(.maximumConnectTime, now: now, &actions) }
            if let time = link.authenticatesBy, time <= now {
                return cut(.notAuthorized, "its authentication took too long", now: now, &actions)
            }
        }
        settleAbsence(now: now, &actions)
    }

    // MARK: Subscriptions

    /// Adds a subscription, or has one of that filter be as this one is.
    ///
    /// - Returns: its number, and whether it is new; `nil`: the client has as many as it may have.
    package mutating func add(
        _ entry: SubscribeRequest.Entry,
        identifier: UInt32?,
        ruling: String? = nil
    ) -> (number: Int, isNew: Bool)? {
        var entry = entry
        if link?.isBridge == true { (entry.noLocal, entry.retainAsPublished) = (true, true) }
        let known = numbers[Array(entry.filter.utf8)]
        guard known != nil || subscriptions.count < limits.subscriptions else { return nil }
        let number = known ?? lastNumber + 1
        // What the host subscribed to at first stays.
        let ruling = known.flatMap { subscriptions[$0] }?.ruling ?? ruling
        let subscription = Subscription(number: number, entry: entry, identifier: identifier, ruling: ruling)
        set(subscription)
        note(.subscribed(subscription))
        return (number, known == nil)
    }

    mutating func set(_ subscription: Subscription) {
        lastNumber = max(lastNumber, subscription.number)
        numbers[Array(subscription.entry.filter.utf8)] = subscription.number
        subscriptions[subscription.number] = subscription
    }

    /// Removes the subscription to a filter.
    ///
    /// - Returns: its number; `nil`: there is none.
    package mutating func remove(filter: String) -> Int? {
        guard let number = numbers[Array(filter.utf8)], unset(number) else { return nil }
        note(.unsubscribed(number))
        return number
    }

    mutating func unset(_ number: Int) -> Bool {
        guard let subscription = subscriptions.removeValue(forKey: number) else { return false }
        owed.remove(number)
        numbers[Array(subscription.entry.filter.utf8)] = nil
        return true
    }

    /// The subscriptions, in the order of their numbers.
    package var orderedSubscriptions: [Subscription] { subscriptions.values.sorted { $0.number < $1.number } }

    package func subscription(_ number: Int) -> Subscription? { subscriptions[number] }
}
