import MartletMQTTWire

/// What MQTT says that a broker does with what it gets (MQTT 5 and 3.1.1), in the slowest and plainest form.
///
/// It hears each packet that the broker takes and sees each that it writes. Where the specification leaves a choice it says
/// what this broker has chosen: one copy for all subscriptions of a session that match, and one for each that is shared.
final class Spec {
    /// What is published.
    struct Message {
        let topic: String
        let payload: [UInt8]
        let qos: QoS
        let expiresAt: Duration?
    }

    /// A message that a session is to get.
    struct Owed {
        let message: Message
        let qos: QoS
        let retain: Bool
        let identifiers: [UInt32]
        /// The link that there was when it was published. Without a guarantee it goes with that.
        var link: Int?
        /// Whether it need not be sent any more: its subscription has gone.
        var isOptional = false

        func isExpired(_ now: Duration) -> Bool { message.expiresAt.map { $0 <= now } ?? false }
    }

    /// A message that one of several sessions is to get.
    struct Shared {
        /// Who seems to have got it, when, and what fits as that does.
        struct Taker {
            let session: Int
            let at: Duration
            let fits: (Owed) -> Bool
        }

        let share: String
        let publishedAt: Duration
        /// The sessions, by their numbers, that may get it, and how.
        var members: [Int: Owed]
        /// Whether nobody need get it: a member that may have been chosen has gone.
        var isOptional = false
        var taker: Taker?
    }

    let limits: SessionLimits
    /// Whether queues are so short that messages find no room. Then each that does not come is to have been counted.
    let mayDrop: Bool
    var sessions: [String: Session] = [:]
    var links: [Int: Link] = [:]
    var kept: [String: Message] = [:]
    var shared: [Shared] = []
    private var lastNumber = 0

    init(_ limits: SessionLimits, mayDrop: Bool) {
        self.limits = limits
        self.mayDrop = mayDrop
    }

    /// Whether a client that is too slow may be cut off.
    var mayCut: Bool { mayDrop && limits.overflow == .disconnect }

    // MARK: Connections

    func connect(_ connect: Connect, _ number: Int, now: Duration) {
        settle(now)
        let version = connect.version
        if let session = sessions[connect.clientID] {
            if let link = session.link {
                links[link]?.mustClose = true
                links[link]?.mayTell = true
                leave(session, now)
            }
            if connect.cleanStart, sessions[connect.clientID] === session { end(session, now) }
        }
        let isPresent = sessions[connect.clientID] != nil
        lastNumber += 1
        let session = sessions[connect.clientID] ?? Session(lastNumber, connect.clientID)
        sessions[connect.clientID] = session
        session.link = number
        session.will = connect.will
        session.mayChangeExpiry = connect.properties.number(.sessionExpiryInterval) ?? 0 > 0
        session.expiry =
            version == .v5
            ? granted(connect.properties.number(.sessionExpiryInterval) ?? 0)
            : connect.cleanStart ? .zero : granted(.max)
        links[number] = Link(connect, session, isPresent: isPresent, limits, now)
        for message in session.underWay where message.isReleased {
            links[number]?.answers.append(.init(kind: .pubrel, id: message.id))
        }
    }

    private func granted(_ seconds: UInt32) -> Duration { min(.seconds(Int(seconds)), limits.sessionExpiry) }

    /// A link is lost.
    func lose(_ number: Int, now: Duration) {
        settle(now)
        guard let session = links[number]?.session, session.link == number else { return }
        leave(session, now)
    }

    /// A link's session goes on without it, or ends.
    func leave(_ session: Session, _ now: Duration) {
        session.link = nil
        session.leftAt = now
        release(session, where: { $0.qos == .atMostOnce })
        // What is due of it at once comes before what is due of others.
        while sessions[session.clientID] === session, let due = due(session), due.time <= now {
            perform(due.kind, session, now)
        }
    }

    /// Messages that are shared with a session need not arrive any more.
    private func release(_ session: Session, where condition: (Owed) -> Bool) {
        for index in shared.indices {
            if let owed = shared[index].members[session.number], condition(owed) { shared[index].isOptional = true }
        }
    }

    private func end(_ session: Session, _ now: Duration) {
        sessions[session.clientID] = nil
        passOn(session, now)
        release(session, where: { _ in true })
        if let will = session.will { publish(will, of: session, now) }
        session.will = nil
    }

    /// What a member of a share did not get, or has not acknowledged, another one may get (MQTT 5, 4.8.2).
    private func passOn(_ session: Session, _ now: Duration) {
        let messages =
            session.underWay.filter { $0.owed.qos == .atLeastOnce }.map(\.owed.message)
            + session.waiting.map(\.message)
            + shared.compactMap { $0.taker == nil ? $0.members[session.number]?.message : nil }
        for (text, subscription) in session.subscriptions where subscription.share != nil {
            let others = sessions.values.compactMap { other in
                other.subscriptions[text].map { (other.number, $0) }
            }
            guard !others.isEmpty else { continue }
            for message in messages where message.qos > .atMostOnce && subscription.matches(message.topic) {
                for isRetained in [false, true] {
                    let members = others.map { ($0, Owed(message, [$1], isRetained: isRetained)) }
                    shared.append(
                        Shared(
                            share: text,
                            publishedAt: now,
                            members: Dictionary(uniqueKeysWithValues: members),
                            isOptional: true
                        )
                    )
                }
            }
        }
    }

    // MARK: Time

    /// Does what is due, in the order in which it falls due.
    func settle(_ now: Duration) {
        while let (session, due) = next, due.time <= now { perform(due.kind, session, now) }
    }

    private func perform(_ kind: Kind, _ session: Session, _ now: Duration) {
        switch kind {
        case .silence, .stuck:
            if let link = session.link {
                links[link]?.mustClose = true
                links[link]?.mayTell = true
            }
            leave(session, now)
        case .will:
            guard let will = session.will else { break }
            session.will = nil
            publish(will, of: session, now)
        case .end:
            end(session, now)
        }
    }

    /// What is due first, and of which session: of several at one time of the oldest.
    private var next: (session: Session, due: (time: Duration, kind: Kind))? {
        var next: (session: Session, due: (time: Duration, kind: Kind))?
        for session in sessions.values {
            guard let due = due(session) else { continue }
            if next.map({ (due.time, session.number) < ($0.due.time, $0.session.number) }) ?? true {
                next = (session, due)
            }
        }
        return next
    }

    /// When something is due, if nothing comes before.
    var nextDeadline: Duration? { next?.due.time }

    /// Until when something is due of one session at most: who comes first of several that are late is left to the broker.
    var isOfOneUntil: Duration? {
        let times = sessions.values.compactMap { due($0)?.time }.sorted()
        return times.count > 1 ? times[1] - .nanoseconds(1) : nil
    }

    private enum Kind { case silence, stuck, will, end }

    private func due(_ session: Session) -> (time: Duration, kind: Kind)? {
        if let number = session.link {
            guard let link = links[number] else { return nil }
            let silence = link.patience.map { (link.lastHeard + $0, Kind.silence) }
            guard let stuck = link.stuckSince.map({ ($0 + limits.drainTimeout, Kind.stuck) }) else { return silence }
            return silence.map { $0.0 <= stuck.0 ? $0 : stuck } ?? stuck
        }
        guard let leftAt = session.leftAt else { return nil }
        let end = leftAt + session.expiry
        guard let will = session.will else { return (end, .end) }
        return (min(leftAt + .seconds(Int(will.properties.number(.willDelayInterval) ?? 0)), end), .will)
    }

    // MARK: Messages

    private func publish(_ will: WillMessage, of session: Session, _ now: Duration) {
        let publish = Publish(
            topic: will.topic,
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            properties: will.properties
        )
        self.publish(publish, of: session, now)
    }

    func publish(_ publish: Publish, of publisher: Session?, _ now: Duration) {
        let expiry = publish.properties.number(.messageExpiryInterval).map { now + .seconds(Int($0)) }
        let message = Message(topic: publish.topic, payload: publish.payload, qos: publish.qos, expiresAt: expiry)
        if publish.retain { keep(message) }
        guard expiry.map({ $0 > now }) ?? true else { return }
        var shares: [String: [Int: Owed]] = [:]
        for session in sessions.values {
            var own: [Subscription] = []
            for (text, subscription) in session.subscriptions where subscription.matches(message.topic) {
                let owed = Owed(message, [subscription], isRetained: publish.retain)
                if subscription.share != nil {
                    shares[text, default: [:]][session.number] = owed
                } else if !(subscription.noLocal && session === publisher) {
                    own.append(subscription)
                }
            }
            guard !own.isEmpty else { continue }
            var owed = Owed(message, own, isRetained: publish.retain)
            owed.link = session.link
            // Which of two that happen at one time comes first is the broker's choice.
            owed.isOptional = owed.qos == .atMostOnce && session.link == nil && session.leftAt == now
            if owed.isOptional || owed.qos > .atMostOnce || session.link != nil { session.waiting.append(owed) }
        }
        for (share, members) in shares {
            let isThere = members.keys.contains { number in
                sessions.values.contains { $0.number == number && $0.link != nil }
            }
            let isOptional = mayDrop || !isThere && members.values.contains { $0.qos == .atMostOnce }
            shared.append(Shared(share: share, publishedAt: now, members: members, isOptional: isOptional))
        }
    }

    private func keep(_ message: Message) {
        for session in sessions.values {
            for index in session.owesKept.indices where session.owesKept[index].topic == message.topic {
                let before = session.owesKept[index].before ?? keptFor(session.owesKept[index], session).first
                session.owesKept[index].before = before
            }
        }
        kept[message.topic] = message.payload.isEmpty ? nil : message
    }

    // MARK: Subscriptions

    func subscribe(_ request: SubscribeRequest, _ session: Session, _ now: Duration) {
        session.subscribedAt = now
        for entry in request.entries {
            let isNew = session.subscriptions[entry.filter] == nil
            let subscription = Subscription(entry, request.properties.number(.subscriptionIdentifier))
            session.subscriptions[entry.filter] = subscription
            if mayDrop, subscription.share != nil { mayHaveEarlier(entry.filter, subscription, session) }
            let wantsKept = entry.retainHandling == .always || (entry.retainHandling == .ifNew && isNew)
            guard wantsKept, subscription.share == nil else { continue }
            session.owesKept.removeAll { $0.filter == entry.filter && $0.first == nil }
            for index in session.owesKept.indices where session.owesKept[index].filter == entry.filter {
                session.owesKept[index].isOptional = true
            }
            for (topic, message) in kept where subscription.matches(topic) {
                let owed = Owed(kept: message, subscription)
                guard !owed.isExpired(now) else { continue }
                session.owesKept.append(.init(filter: entry.filter, topic: topic, link: session.link, first: owed))
            }
        }
    }

    /// What other members of a share have no room for goes to whoever is one by then.
    private func mayHaveEarlier(_ share: String, _ subscription: Subscription, _ session: Session) {
        for index in shared.indices where shared[index].share == share && shared[index].members[session.number] == nil {
            guard let message = shared[index].members.values.first?.message else { continue }
            shared[index].members[session.number] = Owed(message, [subscription], isRetained: false)
        }
    }

    func unsubscribe(_ request: UnsubscribeRequest, _ session: Session) {
        for filter in request.filters where session.subscriptions.removeValue(forKey: filter) != nil {
            for index in session.waiting.indices { session.waiting[index].isOptional = true }
            // What was under way to it may still come (MQTT 5, 3.10.4).
            for index in session.owesKept.indices where session.owesKept[index].filter == filter {
                session.owesKept[index].isOptional = true
            }
            release(session, where: { _ in true })
        }
    }
}

extension Spec.Owed {
    /// A message for all subscriptions of a session that match it.
    init(_ message: Spec.Message, _ subscriptions: [Spec.Subscription], isRetained: Bool) {
        self.init(
            message: message,
            qos: min(message.qos, subscriptions.map(\.qos).max() ?? .atMostOnce),
            retain: isRetained && subscriptions.contains(where: \.retainAsPublished),
            identifiers: subscriptions.compactMap(\.identifier).sorted()
        )
    }

    /// A message that was kept.
    init(kept message: Spec.Message, _ subscription: Spec.Subscription) {
        self.init(
            message: message,
            qos: min(message.qos, subscription.qos),
            retain: true,
            identifiers: subscription.identifier.map { [$0] } ?? []
        )
    }
}
