import MartletMQTTWire

/// A session with a host that does at once what it is told, and a clock that stands still.
struct Harness {
    /// What a host does, in a form that can be compared.
    enum Seen: Hashable, Sendable {
        case sent(Packet)
        case published(String)
        case settled(UInt64, DeliveryVerdict)
        case passedOn(String, subscription: Int)
        case will(String)
        case closed
        case ended

        static func puback(_ id: UInt16, _ reason: ReasonCode = .success) -> Seen { .sent(.puback(.init(id, reason))) }
        static func pubrec(_ id: UInt16, _ reason: ReasonCode = .success) -> Seen { .sent(.pubrec(.init(id, reason))) }
        static func pubrel(_ id: UInt16, _ reason: ReasonCode = .success) -> Seen { .sent(.pubrel(.init(id, reason))) }
        static func pubcomp(_ id: UInt16, _ reason: ReasonCode = .success) -> Seen {
            .sent(.pubcomp(.init(id, reason)))
        }
        static func message(
            _ text: String,
            _ qos: QoS = .atMostOnce,
            id: UInt16 = 0,
            isDuplicate: Bool = false,
            retain: Bool = false,
            properties: PropertyList = PropertyList()
        ) -> Seen {
            .sent(
                .publish(
                    Publish(
                        topic: "t",
                        payload: Array(text.utf8),
                        qos: qos,
                        retain: retain,
                        isDuplicate: isDuplicate,
                        packetID: id,
                        properties: properties
                    )
                )
            )
        }
    }

    var session: ServerSession
    var now = Duration.seconds(1_000)
    /// What comes of the client's messages.
    var outcome = ReasonCode.success

    init(_ limits: SessionLimits = SessionLimits()) {
        session = ServerSession(clientID: "client", limits: limits)
    }

    /// A session that has been connected.
    init(
        _ version: ProtocolVersion,
        cleanStart: Bool = true,
        expiry: UInt32? = nil,
        limits: SessionLimits = SessionLimits(),
        will: WillMessage? = nil,
        _ properties: [(PropertyID, UInt32)] = []
    ) {
        self.init(limits)
        connect(version, cleanStart: cleanStart, expiry: expiry, will: will, properties)
    }

    @discardableResult
    mutating func connect(
        _ version: ProtocolVersion,
        cleanStart: Bool = true,
        expiry: UInt32? = nil,
        keepAlive: UInt16 = 0,
        isResumed: Bool = false,
        will: WillMessage? = nil,
        _ properties: [(PropertyID, UInt32)] = []
    ) -> [Seen] {
        var connect = Connect(
            version: version,
            clientID: "client",
            cleanStart: cleanStart,
            keepAlive: keepAlive,
            will: will
        )
        if let expiry { connect.properties.add(.sessionExpiryInterval, expiry) }
        for (id, number) in properties { connect.properties.add(id, number) }
        return step { session, now, actions in
            session.connect(connect, isResumed: isResumed, now: now, &actions)
        }
    }

    /// Has something done with the session, and does what it asks for.
    @discardableResult
    mutating func step(_ body: (inout ServerSession, Duration, inout [SessionAction]) -> Void) -> [Seen] {
        var actions: [SessionAction] = []
        body(&session, now, &actions)
        var seen: [Seen] = []
        while !actions.isEmpty {
            let action = actions.removeFirst()
            var more: [SessionAction] = []
            switch action {
            case .send(let packet): seen.append(.sent(packet))
            case .deliver(let outgoing): seen.append(.sent(outgoing.packet(session.version ?? .v5)))
            case .publish(let publish):
                seen.append(.published(publish.topic))
                session.published(publish, as: outcome, &more)
            case .subscribe(let subscribe):
                let reasons = subscribe.entries.map { entry in
                    session.add(entry, identifier: subscribe.properties.number(.subscriptionIdentifier)) == nil
                        ? ReasonCode.quotaExceeded : ReasonCode(granted: entry.qos)
                }
                session.subscribed(subscribe, reasons, &more)
            case .unsubscribe(let unsubscribe):
                let reasons = unsubscribe.filters.map { filter in
                    session.remove(filter: filter) == nil ? ReasonCode.noSubscriptionExisted : .success
                }
                session.unsubscribed(unsubscribe, reasons, &more)
            case .settle(let delivery, let verdict): seen.append(.settled(delivery, verdict))
            case .passOn(let publication, let subscription):
                seen.append(.passedOn(String(decoding: publication.payload, as: UTF8.self), subscription: subscription))
            case .publishWill(let will): seen.append(.will(will.topic))
            case .close: seen.append(.closed)
            case .end: seen.append(.ended)
            }
            actions.insert(contentsOf: more, at: 0)
            while actions.isEmpty, session.hasMore { session.goOn(now: now, &actions) }
        }
        return seen
    }

    @discardableResult
    mutating func receive(_ packet: Packet) -> [Seen] {
        step { $0.receive(packet, now: $1, &$2) }
    }

    @discardableResult
    mutating func deliver(
        _ text: String,
        _ qos: QoS = .atMostOnce,
        to topic: String = "t",
        expiry: Duration? = nil,
        identifiers: [UInt32] = [],
        delivery: UInt64? = nil,
        share: Int? = nil
    ) -> [Seen] {
        let publication = Publication(
            topic: topic,
            payload: Array(text.utf8),
            qos: qos,
            expiresAt: expiry.map { now + $0 }
        )
        let match = Match(qos: .exactlyOnce, identifiers: identifiers, delivery: delivery, share: share)
        return step { $0.deliver(publication, match, now: $1, &$2) }
    }

    @discardableResult
    mutating func lose() -> [Seen] {
        step { $0.loseLink(now: $1, &$2) }
    }

    /// Lets time pass, and has the session act whenever it asked for it.
    @discardableResult
    mutating func pass(_ duration: Duration) -> [Seen] {
        let end = now + duration
        var seen: [Seen] = []
        // One that wants something done at a time has nothing to be done then any more.
        for _ in 0..<10_000 {
            guard let next = session.nextDeadline, next <= end else { break }
            now = max(now, next)
            seen += step { $0.tick(now: $1, &$2) }
        }
        now = end
        return seen
    }

    mutating func setWritable(_ isWritable: Bool) -> [Seen] {
        step { $0.setWritable(isWritable, now: $1, &$2) }
    }
}

extension Packet {
    /// The topic of a PUBLISH, and the number that stands for it.
    var naming: String? {
        guard case .publish(let publish) = self else { return nil }
        return publish.topic + (publish.properties.number(.topicAlias).map { " = \($0)" } ?? "")
    }

    /// The reason of a DISCONNECT.
    var disconnectReason: ReasonCode? { if case .disconnect(let disconnect) = self { disconnect.reason } else { nil } }
}

extension [Harness.Seen] {
    /// Why the client was cut off, if it was.
    var reason: ReasonCode? {
        for case .sent(let packet) in self { if let reason = packet.disconnectReason { return reason } }
        return nil
    }

    /// How messages name their topics.
    var namings: [String] { compactMap { if case .sent(let packet) = $0 { packet.naming } else { nil } } }

    var connack: Connack? {
        for case .sent(.connack(let connack)) in self { return connack }
        return nil
    }
}
