import DequeModule
import Logging
import Martlet
import MartletMQTTWire
import MartletTransport

/// Messages on their way out: from the outbox to the library, and until the broker has confirmed them. A part of its session,
/// on the session's loop.
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
        return session.client.wantsToWrite || !first.isEmpty || !session.outlet.isEmpty
    }

    // MARK: Sending

    /// Gives the library what it can take.
    func send(_ session: isolated MQTTSession) throws {
        guard session.keeper.isUp else { return }
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
        while messages < Self.batchMessages, bytes < Self.batchBytes, let outgoing = takeNext(session) {
            try give(outgoing, session)
            messages += 1
            bytes += outgoing.bytes
        }
        guard messages > 0 else { return false }
        try session.client.flush()
        return true
    }

    private func takeNext(_ session: isolated MQTTSession) -> Outgoing? {
        if culprit.isProbing, inFlight.count > 0 { return nil }
        guard let candidate = first.popFirst() ?? session.outlet.takeFirst() else { return nil }
        guard candidate.quality == .atMostOnce || inFlight.hasRoom() else {
            first.prepend(candidate)
            return nil
        }
        return candidate
    }

    /// Gives the library one message. What it does not take is an error to the sender, not to the link.
    private func give(_ outgoing: Outgoing, _ session: isolated MQTTSession) throws {
        if outgoing.isAbandoned { return }
        let left = outgoing.deadline.map { $0 - session.runtime.timers.now }
        if let left, left <= .zero { return dropExpired(outgoing, session) }
        var introduced = false
        do {
            var properties = PropertyList()
            if session.options.version == .v5 {
                // The first, where the guard finds it.
                if let left { properties.add(.messageExpiryInterval, UInt32(clamping: Self.seconds(left))) }
                try properties.add(outgoing.headers)
            }
            var topic = outgoing.topic
            // One that is sent again after a reconnect has to have its topic.
            if outgoing.quality == .atMostOnce {
                switch aliases.use(outgoing.topic) {
                case .none: break
                case .introduce(let number):
                    introduced = true
                    properties.add(.topicAlias, UInt32(number))
                case .alone(let number):
                    properties.add(.topicAlias, UInt32(number))
                    topic = ""
                }
            }
            let number = try session.client.publish(
                Publish(
                    topic: topic,
                    payload: outgoing.payload,
                    qos: outgoing.quality,
                    retain: outgoing.retain,
                    properties: properties
                )
            )
            if let number { inFlight.sent(number, outgoing) }
        } catch let error as MessagingError where error.code != .connectionLost {
            // The broker has not heard of the number.
            if introduced { aliases.withdraw(outgoing.topic) }
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(error))
            } else {
                session.runtime.logger.warning("a message to \(outgoing.topic) could not be sent: \(error)")
            }
        }
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
        let dropped = first.filter(isDropped) + session.outlet.outbox.removeAll(where: isDropped)
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
        let candidates = inFlight.unconfirmed.filter { !session.client.hasReceived($0.number) }
        let first = candidates.first
        let isCulprit = culprit.linkEnded(
            ending(session),
            first: first?.message.confirmation.map(ObjectIdentifier.init),
            isAlone: candidates.count == 1,
            isOwed: session.options.session != .clean
        )
        inFlight.linkIsLost()
        guard isCulprit, let first else { return }
        _ = inFlight.confirmed(first.number)
        session.client.disown([first.number])
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
    /// Where the broker keeps the session the library goes on with what it has under way. Otherwise a new client
    /// begins, so that nothing is sent again that is to arrive at most once; the rest is sent anew.
    func renewClient(_ session: isolated MQTTSession) {
        guard session.options.session == .clean,
            let fresh = try? Mosquitto(session.options, clientID: session.runtime.name, wire: session.runtime.wire)
        else { return }
        fresh.delegate = session
        session.client = fresh
        first.prepend(contentsOf: inFlight.removeAll())
    }

    /// The broker has accepted the link and still has the session: the library sends again what is under way. What nobody waits
    /// for any more is left out, and what expires is sent with what is left of its life.
    func sessionIsBack(_ session: isolated MQTTSession) {
        for (number, outgoing) in Array(inFlight.unconfirmed) where !session.client.hasReceived(number) {
            let left = outgoing.deadline.map { $0 - session.runtime.timers.now }
            if outgoing.isAbandoned || left.map({ $0 <= .zero }) ?? false {
                session.client.disown([number])
                _ = inFlight.confirmed(number)
                dropExpired(outgoing, session)
            } else if let left {
                session.client.shorten(number, to: Self.seconds(left))
            }
        }
    }

    /// The broker has accepted the link and has nothing of the session that was kept: what was under way is sent anew.
    func sessionIsLost(_ session: isolated MQTTSession) {
        session.client.disown(inFlight.numbers, isLost: true)
        first.prepend(contentsOf: inFlight.removeAll())
    }

    /// The broker has confirmed a message. Who waits for that is told with others.
    func confirmed(_ number: CInt, reason: CInt, _ session: isolated MQTTSession) {
        // That the broker does not know the number any more means, in recovery, that it has finished with the message
        // (MQTT 5, 3.7.2.1).
        let isFinished = reason == 0x92 && inFlight.isRecovered(number)
        guard let confirmation = inFlight.confirmed(number)?.confirmation else { return }
        culprit.progressed()
        let reason = PublishReason(rawValue: session.options.version == .v5 && !isFinished ? reason : 0)
        confirmed.append(
            (confirmation, reason.isFailure ? .failure(MessagingError(publishReason: reason)) : .success(reason))
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
        inFlight.window = min(options.maximumInFlight, acknowledgement.receiveMaximum)
        aliases = TopicAliases(limit: min(options.topicAliases, acknowledgement.topicAliases))
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
