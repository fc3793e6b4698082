extension ServerSession {
    /// Sends a message to the client, or keeps it for it.
    package mutating func deliver(
        _ publication: Publication,
        _ match: Match,
        now: Duration,
        _ actions: inout [SessionAction]
    ) {
        guard !publication.isExpired(at: now) else {
            counts.expired += 1
            return settle(match, .rejected, &actions)
        }
        let qos = min(publication.qos, match.qos)
        let waiting = OutgoingQueue.Waiting(publication: publication, match: match, qos: qos)
        if sendsAtOnce(qos) { return send(waiting, now: now, &actions) }
        guard qos > .atMostOnce || isConnected else {
            counts.dropped += 1
            return settle(match, .returned, &actions)
        }
        keep(waiting, now: now, &actions)
    }

    /// Whether a message would be kept for the client rather than sent.
    package func keeps(_ publication: Publication, _ match: Match) -> Bool {
        let qos = min(publication.qos, match.qos)
        return !canSend(qos) && (qos > .atMostOnce || isConnected)
    }

    /// Whether a message is sent at once, or kept without another being dropped for it. One that is longer than the client takes is
    /// neither.
    package func hasRoom(for publication: Publication, _ match: Match, now: Duration) -> Bool {
        let qos = min(publication.qos, match.qos)
        if link != nil, !fits(Outgoing(publication, match, qos, 1, isDuplicate: false, now: now)) { return false }
        if sendsAtOnce(qos) { return true }
        return (qos > .atMostOnce || isConnected) && queue.hasRoom(for: publication, limits)
    }

    private func sendsAtOnce(_ qos: QoS) -> Bool {
        canSend(qos) && queue.isEmpty(of: qos) && (qos == .atMostOnce || !inFlight.isResending)
    }

    /// Drops a message that the host has no room for.
    package mutating func drop() { counts.dropped += 1 }

    private func canSend(_ qos: QoS) -> Bool {
        guard let link, link.isWritable else { return false }
        return qos == .atMostOnce || (canResend && inFlight.hasRoom)
    }

    /// Whether the client takes one more of QoS 1 or 2. What is sent again has its identifier already.
    private var canResend: Bool {
        guard let link, link.isWritable else { return false }
        return inFlight.window < link.receiveMaximum
    }

    private mutating func keep(_ waiting: OutgoingQueue.Waiting, now: Duration, _ actions: inout [SessionAction]) {
        // Of a queue's deliveries there are no more than the client takes.
        guard waiting.match.delivery != nil || makeRoom(for: waiting, now: now, &actions) else { return }
        let number = queue.append(waiting)
        if waiting.qos > .atMostOnce { note(.queued(number, waiting.publication, waiting.match, waiting.qos)) }
    }

    /// - Returns: whether there is room for a message in the queue.
    private mutating func makeRoom(
        for waiting: OutgoingQueue.Waiting,
        now: Duration,
        _ actions: inout [SessionAction]
    ) -> Bool {
        if !queue.hasRoom(for: waiting.publication, limits) { expireWaiting(now: now, &actions) }
        while !queue.hasRoom(for: waiting.publication, limits) {
            counts.dropped += 1
            guard waiting.qos > .atMostOnce else { return false }
            switch limits.overflow {
            case .dropNewest:
                return false
            case .disconnect where link?.hasCaughtUp ?? false:
                cut(.quotaExceeded, "too many messages wait", now: now, &actions)
                return false
            case .dropOldest, .disconnect:
                guard let oldest = queue.popFirst(guaranteed: false) ?? queue.popFirst(guaranteed: true) else {
                    return false
                }
                if oldest.qos > .atMostOnce { note(.dropped(oldest.number)) }
                settle(oldest.match, .returned, &actions)
                passOn(oldest.publication, oldest.match, &actions)
            }
        }
        return true
    }

    /// Takes out what has expired.
    mutating func expireWaiting(now: Duration, _ actions: inout [SessionAction]) {
        for waiting in queue.expire(at: now) {
            counts.expired += 1
            if waiting.qos > .atMostOnce { note(.dropped(waiting.number)) }
            settle(waiting.match, .rejected, &actions)
        }
    }

    /// Drops messages that the client is not to get any more: those that wait, and those that are to be sent again. What it was
    /// sent on this link it has.
    ///
    /// Deliveries of queues that wait are their queues' again: the host is to have stopped consuming these.
    package mutating func dropUnsent(
        _ actions: inout [SessionAction],
        where isUnwanted: (Publication) -> Bool
    ) {
        for (id, publication, match, qos) in inFlight.takeUnsent(where: isUnwanted) {
            counts.dropped += 1
            note(.acknowledged(id))
            // It was begun with QoS 2, and nobody knows whether an earlier link has brought it (MQTT 5, 4.8.2-5).
            settle(match, .rejected, &actions)
            if qos == .atLeastOnce { passOn(publication, match, &actions) }
        }
        for waiting in queue.takeAll(where: { isUnwanted($0.publication) }) {
            counts.dropped += 1
            if waiting.qos > .atMostOnce { note(.dropped(waiting.number)) }
            settle(waiting.match, .returned, &actions)
            passOn(waiting.publication, waiting.match, &actions)
        }
    }

    /// Has another member of the group get a message by which it came, if it came by one.
    private func passOn(_ publication: Publication, _ match: Match, _ actions: inout [SessionAction]) {
        if let share = match.share { actions.append(.passOn(publication, subscription: share)) }
    }

    /// Says what has become of a delivery of a queue, if it is one.
    func settle(_ match: Match, _ verdict: DeliveryVerdict, _ actions: inout [SessionAction]) {
        if let delivery = match.delivery { actions.append(.settle(delivery, verdict)) }
    }

    /// So many bytes of what waits are sent in one go. The host can't say sooner that the socket takes no more.
    private static let burst = 256 << 10

    /// Sends what waits, as far as the client takes it, and not more than a socket may have at once.
    mutating func drain(now: Duration, _ actions: inout [SessionAction]) {
        var room = Self.burst
        while room > 0, canResend, let (id, publication, match, qos) = inFlight.resendNext() {
            room -= publication.cost
            // Its delivery has begun, so that it goes on whatever time it is.
            let outgoing = Outgoing(publication, match, qos, id, isDuplicate: true, now: now)
            if fits(outgoing) { deliver(outgoing, &actions) } else { giveUp(id, now: now, &actions) }
        }
        while room > 0, canSend(.atMostOnce), let next = queue.popFirst(guaranteed: false) {
            room -= next.publication.cost
            sendUnlessExpired(next, now: now, &actions)
        }
        while room > 0, canSend(.atLeastOnce), !inFlight.isResending, let next = queue.popFirst(guaranteed: true) {
            room -= next.publication.cost
            sendUnlessExpired(next, now: now, &actions)
        }
        link?.hasMore = room <= 0
        if queue.isEmpty, canSend(.atLeastOnce), !inFlight.isResending { link?.hasCaughtUp = true }
    }

    private mutating func sendUnlessExpired(
        _ waiting: OutgoingQueue.Waiting,
        now: Duration,
        _ actions: inout [SessionAction]
    ) {
        if waiting.publication.isExpired(at: now) {
            counts.expired += 1
            if waiting.qos > .atMostOnce { note(.dropped(waiting.number)) }
            settle(waiting.match, .rejected, &actions)
        } else {
            send(waiting, now: now, &actions)
        }
    }

    private mutating func send(_ waiting: OutgoingQueue.Waiting, now: Duration, _ actions: inout [SessionAction]) {
        func outgoing(_ id: UInt16) -> Outgoing {
            Outgoing(waiting.publication, waiting.match, waiting.qos, id, isDuplicate: false, now: now)
        }
        // One that the client does not take counts as sent and done with (MQTT 5, 3.1.2.11.4).
        guard fits(outgoing(1)) else {
            counts.tooLong += 1
            if waiting.number > 0, waiting.qos > .atMostOnce { note(.dropped(waiting.number)) }
            return settle(waiting.match, .rejected, &actions)
        }
        guard waiting.qos > .atMostOnce else {
            deliver(outgoing(0), &actions)
            // Nothing more is heard of it.
            return settle(waiting.match, .accepted, &actions)
        }
        let id = inFlight.add(waiting.publication, waiting.match, waiting.qos)
        if waiting.number > 0 {
            note(.sent(waiting.number, id))
        } else {
            note(.inFlight(id, waiting.publication, waiting.match, waiting.qos))
        }
        deliver(outgoing(id), &actions)
    }

    /// Sends a message that the client takes, with a number for its topic where the client takes that, too.
    private mutating func deliver(_ outgoing: Outgoing, _ actions: inout [SessionAction]) {
        var outgoing = outgoing
        let topic = outgoing.publication.topic
        outgoing.naming = link?.outgoingAliases.naming(of: topic) ?? .topic
        if case .introducing(let number) = outgoing.naming {
            if fits(outgoing) { link?.outgoingAliases.add(number, for: topic) } else { outgoing.naming = .topic }
        }
        actions.append(.deliver(outgoing))
    }

    /// A client that is back takes less than before: what it got part of can't be sent again.
    private mutating func giveUp(_ id: UInt16, now: Duration, _ actions: inout [SessionAction]) {
        counts.tooLong += 1
        if let delivery = inFlight.delivery(of: id) { actions.append(.settle(delivery, .rejected)) }
        inFlight.forget(id)
        note(.acknowledged(id))
    }

    private func fits(_ outgoing: Outgoing) -> Bool {
        guard let link else { return false }
        guard outgoing.publication.cost + 6 * outgoing.identifiers.count > link.packetBytes else { return true }
        return Encoder(link.version).bytes(of: outgoing.packet(link.version)).count <= link.packetBytes
    }

    /// Whether the client takes a packet of that length.
    func fits(_ packet: Packet) -> Bool {
        link.map { Encoder($0.version).bytes(of: packet).count <= $0.packetBytes } ?? false
    }

    /// Says something to the client. What people are told is left out where the client does not want it or the packet
    /// would be longer than it takes.
    mutating func send(_ packet: Packet, _ actions: inout [SessionAction]) {
        guard let link else { return }
        let isTold = link.wantsReasons || packet.kind == .connack || packet.kind == .disconnect
        let mayExceed = link.packetBytes < 1_024 && Encoder(link.version).bytes(of: packet).count > link.packetBytes
        actions.append(.send(isTold && !mayExceed ? packet : packet.withoutReason))
    }

    /// Whether more is to be sent by ``goOn(now:_:)``, unless the socket takes no more.
    package var hasMore: Bool { link.map { $0.hasMore && $0.isWritable } ?? false }

    /// Sends more of what waits.
    package mutating func goOn(now: Duration, _ actions: inout [SessionAction]) { drain(now: now, &actions) }

    /// Whether the client's socket takes more. What waits is sent when it does again.
    package mutating func setWritable(_ isWritable: Bool, now: Duration, _ actions: inout [SessionAction]) {
        guard link != nil, link?.isWritable != isWritable else { return }
        link?.isWritable = isWritable
        link?.stuckSince = isWritable ? nil : now
        if isWritable { drain(now: now, &actions) }
    }
}

extension Outgoing {
    init(_ publication: Publication, _ match: Match, _ qos: QoS, _ id: UInt16, isDuplicate: Bool, now: Duration) {
        self.init(
            publication: publication,
            qos: qos,
            retain: match.retain,
            identifiers: match.identifiers,
            packetID: id,
            isDuplicate: isDuplicate,
            secondsLeft: publication.secondsLeft(at: now)
        )
    }
}

extension Packet {
    /// The packet without what is for people.
    fileprivate var withoutReason: Packet {
        func stripped(_ properties: PropertyList) -> PropertyList {
            PropertyList(properties.all.filter { $0.id != .reasonString && $0.id != .userProperty })
        }
        switch self {
        case .connack(var connack):
            connack.properties = stripped(connack.properties)
            return .connack(connack)
        case .disconnect(var disconnect):
            disconnect.properties = stripped(disconnect.properties)
            return .disconnect(disconnect)
        default: return self
        }
    }
}
