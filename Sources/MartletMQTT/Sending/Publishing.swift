import DequeModule
import Logging
import Martlet
import MartletMQTTWire
import MartletTransport

/// Messages on their way out: from the outbox to the broker, and until it has confirmed them. A part of its session, on the
/// session's loop.
final class Publishing {
    /// How many messages, and about how many bytes, are written in one go.
    private static let batchMessages = 128
    private static let batchBytes = 256 << 10

    private var inFlight: InFlight<Outgoing>
    private var culprit = CulpritSearch<ObjectIdentifier>()
    private var aliases = TopicAliases(limit: 0)
    /// What the broker has confirmed and nobody was told yet: until as many have come, or the library has returned.
    private var confirmed: [(promise: Promise<PublishReason>, result: Result<PublishReason, any Error>)] = []
    /// What goes before the outbox: what was sent over a link that was lost and not confirmed, and what waits for
    /// room in the window.
    private var first: Deque<Outgoing> = []
    /// The numbers of messages that the broker's session still wants, in the order in which they go before all others.
    private var owed: Deque<UInt16> = []
    /// Whether the broker has been asked for this link's subscriptions: a connection that hears itself would miss what comes
    /// there before them.
    private var mayBegin = false
    /// There is more to send, which the socket had no room for.
    private var isHeldUp = false

    /// - Parameter window: how many may be under way with a guarantee.
    init(window: Int) {
        inFlight = InFlight(window: window)
    }

    /// How many messages the broker has yet to confirm.
    var unconfirmedCount: Int { inFlight.count }

    func hasUnwritten(_ session: isolated MQTTSession) -> Bool {
        guard !session.client.hasEnded else { return false }
        return session.client.wantsToWrite || !owed.isEmpty || !first.isEmpty || !session.outlet.isEmpty
    }

    // MARK: Sending

    /// Gives the library what it can take.
    func send(_ session: isolated MQTTSession) throws {
        guard session.keeper.isUp, mayBegin else { return }
        // Several rounds, and then others on this loop have their turn.
        for _ in 0..<4 {
            // What the library has queued by itself, acknowledgements above all, goes first. Only what the socket then
            // does not take brings another call of this, when it has room.
            try session.client.flush()
            guard !session.client.wantsToWrite else {
                isHeldUp = true
                return
            }
            guard try sendBatch(session) else { return }
        }
        session.bell.ring()
    }

    /// - Returns: whether anything was sent.
    private func sendBatch(_ session: isolated MQTTSession) throws -> Bool {
        // The library may have closed the socket while it read: what is taken now would be with nobody.
        guard !session.client.hasEnded else { throw MessagingError(.connectionLost, "the broker ended the link") }
        var messages = 0
        var bytes = 0
        while messages < Self.batchMessages, bytes < Self.batchBytes, let number = takeOwed() {
            messages += 1
            bytes += inFlight[number]?.bytes ?? 0
            try sendAgain(number, session)
        }
        while messages < Self.batchMessages, bytes < Self.batchBytes, let outgoing = takeNext(session) {
            try give(outgoing, session)
            messages += 1
            bytes += outgoing.bytes
        }
        guard messages > 0 else { return false }
        try session.client.flush()
        return true
    }

    /// The number of one that is to be sent again, if the window has room for it.
    private func takeOwed() -> UInt16? {
        guard inFlight.count - owed.count < inFlight.window else { return nil }
        return owed.popFirst()
    }

    private func takeNext(_ session: isolated MQTTSession) -> Outgoing? {
        // What is owed has its place before it.
        guard owed.isEmpty, !culprit.isProbing || inFlight.count == 0,
            let candidate = first.popFirst() ?? session.outlet.takeFirst()
        else { return nil }
        guard candidate.quality == .atMostOnce || inFlight.hasRoom else {
            first.prepend(candidate)
            return nil
        }
        return candidate
    }

    /// Sends one message. What the broker does not take is an error to the sender, not to the link.
    private func give(_ outgoing: Outgoing, _ session: isolated MQTTSession) throws {
        if outgoing.isAbandoned { return }
        let left = outgoing.deadline.map { $0 - session.runtime.timers.now }
        if let left, left <= .zero { return dropExpired(outgoing, session) }
        var introduced = false
        do {
            var message = try message(outgoing, left, session)
            guard outgoing.quality == .atMostOnce else {
                let number = inFlight.freeNumber(awayFrom: session.client.latestNumber)
                message.packetID = number
                try session.client.publish(message)
                inFlight.sent(number, outgoing)
                return
            }
            // One that is sent again after a reconnect would have to have its topic.
            switch aliases.use(outgoing.topic) {
            case .none: break
            case .introduce(let alias):
                introduced = true
                message.properties.add(.topicAlias, UInt32(alias))
            case .alone(let alias):
                message.properties.add(.topicAlias, UInt32(alias))
                message.topic = ""
            }
            try session.client.publish(message)
        } catch let error as MessagingError where error.code != .connectionLost {
            // The broker has not heard of the alias.
            if introduced { aliases.withdraw(outgoing.topic) }
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(error))
            } else {
                session.runtime.countRefusal("a message to \(quoted(outgoing.topic)) could not be sent: \(error)")
            }
        }
    }

    /// Goes on with a message that was sent over an earlier link (MQTT 5, 4.4). It is left out if nobody waits for it any more,
    /// and sent with what is left of its life.
    private func sendAgain(_ number: UInt16, _ session: isolated MQTTSession) throws {
        guard let outgoing = inFlight[number] else { return }
        if inFlight.hasReceived(number) { return session.client.release(number) }
        let left = outgoing.deadline.map { $0 - session.runtime.timers.now }
        if outgoing.isAbandoned || left.map({ $0 <= .zero }) ?? false {
            giveUp(number, session)
            return dropExpired(outgoing, session)
        }
        do {
            var message = try message(outgoing, left, session)
            message.packetID = number
            message.isDuplicate = true
            try session.client.publish(message)
        } catch let error as MessagingError where error.code != .connectionLost {
            giveUp(number, session)
            outgoing.confirmation?.end(.failure(error))
        }
    }

    /// Sends a message no more that was sent over an earlier link. Of one of QoS 2 the broker may have the number, under which
    /// it would take the next message for this one: it is told to release it, and the number is free when it has.
    private func giveUp(_ number: UInt16, _ session: isolated MQTTSession) {
        guard inFlight[number]?.quality == .exactlyOnce else {
            inFlight.confirmed(number)
            return
        }
        inFlight.received(number)
        session.client.release(number)
    }

    /// - Parameter left: how much of its life is left.
    /// - Throws: what the broker can't take: since it was given to the connection the broker may be another one.
    private func message(
        _ outgoing: Outgoing,
        _ left: Duration?,
        _ session: isolated MQTTSession
    ) throws -> Publish {
        try session.handshake.broker?.limits.check(outgoing)
        var properties = PropertyList()
        if session.options.version == .v5 {
            if let left { properties.add(.messageExpiryInterval, UInt32(clamping: Self.seconds(left))) }
            try properties.add(outgoing.headers)
        }
        return Publish(
            topic: outgoing.topic,
            payload: outgoing.payload,
            qos: outgoing.quality,
            retain: outgoing.retain,
            properties: properties
        )
    }

    /// What is left of a message's life, in whole seconds; less than one would mean that it does not expire at all.
    private static func seconds(_ left: Duration) -> Int {
        Int(clamping: max(1, (left + .milliseconds(500)).components.seconds))
    }

    private func dropExpired(_ outgoing: Outgoing, _ session: isolated MQTTSession) {
        guard let confirmation = outgoing.confirmation else { return session.countOffline(outgoing) }
        let expiry = outgoing.expiry.map { " within \($0)" } ?? ""
        confirmation.end(.failure(MessagingError(.timeout, "the message could not be sent\(expiry)")))
    }

    /// The link is gone: what has no guarantee goes with it, unless it is to be kept.
    func dropUnguaranteed(_ error: any Error, _ session: isolated MQTTSession) {
        let isDropped = { [keeps = session.outlet.offline.keeps] (outgoing: Outgoing) in
            outgoing.endsWithLink || (outgoing.quality == .atMostOnce && !keeps)
        }
        let over = Array(inFlight.unconfirmed).filter { $0.message.endsWithLink }
        for (number, _) in over { inFlight.confirmed(number) }
        let dropped = over.map(\.message) + first.filter(isDropped) + session.outlet.outbox.removeAll(where: isDropped)
        first.removeAll(where: isDropped)
        for outgoing in dropped {
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(error))
            } else {
                session.countOffline(outgoing)
            }
        }
    }

    /// Fails the message that the broker answers by ending the link, if there is one.
    func findCulprit(_ error: MessagingError, _ session: isolated MQTTSession) {
        let candidates = inFlight.unconfirmed.filter { !inFlight.hasReceived($0.number) }
        let first = candidates.first
        let isCulprit = culprit.linkEnded(
            ending(session),
            first: first?.message.confirmation.map(ObjectIdentifier.init),
            isAlone: candidates.count == 1,
            isOwed: session.options.session != .clean
        )
        inFlight.linkIsLost()
        owed.removeAll()
        guard isCulprit, let first else { return }
        // Where the session is kept the number is released on the next link.
        if first.message.quality == .exactlyOnce {
            inFlight.received(first.number)
        } else {
            inFlight.confirmed(first.number)
        }
        let links = culprit.links
        culprit.progressed()
        first.message.confirmation?.end(
            .failure(
                MessagingError(
                    session.handshake.farewell == 0x95 ? .bodyTooLarge : .refused,
                    "\(links) links ended when the message to \(quoted(first.message.topic)) had been sent; the last one: "
                        + error.message,
                    cause: error
                )
            )
        )
    }

    private func ending(_ session: isolated MQTTSession) -> CulpritSearch<ObjectIdentifier>.Ending {
        switch session.handshake.farewell {
        // Malformed packet, protocol error, not authorised, a topic, an alias, a size, a format, retaining, a quality of
        // service (MQTT 5, 3.14.2.1).
        case 0x81, 0x82, 0x87, 0x90, 0x94, 0x95, 0x99, 0x9A, 0x9B: .blamed
        // Unspecified, by the implementation, too many or too much at once.
        case 0x80, 0x83, 0x93, 0x96, 0x97: .unexplained
        case nil: session.client.wasCut ? .unexplained : .otherwise
        default: .otherwise
        }
    }

    /// Makes ready for another link after one was lost.
    ///
    /// Where the broker keeps the session what is under way goes on. Otherwise a new client of the library begins, so that nothing
    /// is sent again that is to arrive at most once; the rest is sent anew.
    func renewClient(_ session: isolated MQTTSession) {
        guard session.options.session == .clean,
            let fresh = try? Mosquitto(session.options, clientID: session.runtime.name, wire: session.runtime.wire)
        else { return }
        fresh.delegate = session
        session.client = fresh
        first.prepend(contentsOf: inFlight.removeAll())
    }

    /// The broker has accepted the link and still has the session: what is under way goes on.
    func sessionIsBack() { owed = Deque(inFlight.unconfirmed.map(\.number)) }

    /// The broker has accepted the link and has nothing of the session that was kept: what was under way is sent anew.
    func sessionIsLost() { first.prepend(contentsOf: inFlight.removeAll()) }

    /// The broker has said something of a message.
    func answered(_ answer: PacketGuard.Answer, _ session: isolated MQTTSession) {
        let number = answer.identifier
        switch answer.kind {
        case .puback where inFlight[number]?.quality == .atLeastOnce: confirmed(answer)
        // RabbitMQ does so, instead of saying that it has no QoS 2.
        case .puback:
            let error = MessagingError(.unsupported, "the broker confirmed a message of QoS 2 as one of QoS 1")
            inFlight.confirmed(number)?.confirmation?.end(.failure(error))
        case .pubrec:
            if inFlight[number]?.quality == .exactlyOnce {
                // That its number is in use means, in recovery, that the broker has the message.
                let isThere = answer.reason == 0x91 && inFlight.isRecovered(number)
                guard answer.reason < 0x80 || isThere else { return confirmed(answer) }
                inFlight.received(number, reason: isThere ? 0 : answer.reason)
                culprit.progressed()
            }
            // One that is not known is finished, too: the broker would wait for it.
            session.client.release(number)
        case .pubcomp where inFlight.hasReceived(number): confirmed(answer)
        default: break
        }
    }

    /// The broker has confirmed a message. Who waits for that is told with others.
    private func confirmed(_ answer: PacketGuard.Answer) {
        let number = answer.identifier
        // That the broker does not know the number any more means, in recovery, that it has finished with the message
        // (MQTT 5, 3.7.2.1).
        let isFinished = answer.reason == 0x92 && inFlight.isRecovered(number)
        // That nobody is subscribed was said when it was received.
        let receipt = inFlight.receipt(of: number) ?? 0
        guard let confirmation = inFlight.confirmed(number)?.confirmation else { return }
        culprit.progressed()
        let reason = PublishReason(rawValue: CInt(isFinished || answer.reason == 0 ? receipt : answer.reason))
        confirmed.append(
            (
                confirmation,
                reason.isFailure ? .failure(MessagingError(publishReason: reason, answer.words)) : .success(reason)
            )
        )
    }

    /// Tells those whose messages the broker has confirmed.
    func tellConfirmed() {
        guard !confirmed.isEmpty else { return }
        Promise.end(confirmed)
        confirmed.removeAll(keepingCapacity: true)
    }

    // MARK: The link

    /// The broker has accepted a link, and says how much it takes.
    func linkBegins(_ acknowledgement: ConnectAcknowledgement, _ options: MQTTOptions) {
        inFlight.limit(to: min(options.maximumInFlight, acknowledgement.receiveMaximum))
        aliases = TopicAliases(limit: min(options.topicAliases, acknowledgement.topicAliases))
        mayBegin = false
    }

    /// The subscriptions of the link are on their way to the broker.
    func begin(_ session: isolated MQTTSession) throws {
        mayBegin = true
        try send(session)
    }

    /// - Returns: whether there is room now for what the socket had none for. It has got room in this very moment, and so will
    ///   not tell of it.
    func hasRoomAgain(_ session: isolated MQTTSession) -> Bool {
        guard isHeldUp, !session.client.wantsToWrite else { return false }
        isHeldUp = false
        return true
    }

    func end(_ error: MessagingError, _ session: isolated MQTTSession) {
        let unsent = inFlight.removeAll() + first + session.outlet.outbox.close(error)
        first.removeAll()
        for outgoing in unsent { outgoing.confirmation?.end(.failure(error)) }
    }
}
