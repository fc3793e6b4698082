import CMosquitto
import DequeModule
import Logging
import Martlet
import MartletTransport
import Synchronization

/// Messages on their way out.
extension MQTTSession {
    /// How many messages, and about how many bytes, are written in one go.
    private static var batchMessages: Int { 128 }
    private static var batchBytes: Int { 256 << 10 }

    // MARK: From any thread

    /// Hands a message to the loop, once there is room; its confirmation tells the rest.
    nonisolated func put(_ outgoing: Outgoing) async throws {
        try Task.checkCancellation()
        try limits.withLock { try $0.check(outgoing) }
        try await enqueue(outgoing)
    }

    /// Puts a message into the outbox, waiting for room until it has expired.
    private nonisolated func enqueue(_ outgoing: Outgoing) async throws {
        try await outbox.put(
            outgoing,
            bytes: outgoing.bytes,
            limit: WaitLimit(outgoing.expiry, of: runtime.timers)
        )
    }

    /// Hands a message to the loop; with a guarantee, returns when the broker has confirmed it.
    nonisolated func transmit(_ outgoing: Outgoing) async throws -> PublishReason? {
        try Task.checkCancellation()
        try limits.withLock { try $0.check(outgoing) }
        guard let confirmation = outgoing.confirmation else {
            try await sendUnguaranteed(outgoing)
            return nil
        }
        let timer = expire(outgoing)
        defer { if let timer { runtime.timers.cancel(timer) } }
        try await put(outgoing)
        return try await confirmation.value()
    }

    /// Hands a message to the loop; with a guarantee, what it returns waits for the broker's word.
    nonisolated func begin(
        _ outgoing: Outgoing,
        _ check: @escaping @Sendable (Result<PublishReason, any Error>) throws -> Void = { _ = try $0.get() }
    ) async throws -> Confirmation {
        guard let confirmation = outgoing.confirmation else {
            _ = try await transmit(outgoing)
            return .confirmed
        }
        let timer = expire(outgoing)
        do {
            try await put(outgoing)
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
        return Confirmation(confirmation, timer: timer, of: runtime.timers, check: check)
    }

    /// Ends the wait for a message's confirmation when the message has expired.
    nonisolated func expire(_ outgoing: Outgoing) -> Timers.ID? {
        guard let expiry = outgoing.expiry, let deadline = outgoing.deadline, let confirmation = outgoing.confirmation
        else { return nil }
        return runtime.timers.schedule(at: deadline) {
            confirmation.end(
                .failure(MessagingError(.timeout, "the broker did not confirm the message within \(expiry)"))
            )
        }
    }

    private nonisolated func sendUnguaranteed(_ outgoing: Outgoing) async throws {
        let limit = WaitLimit(outgoing.expiry, of: runtime.timers)
        try await Outlet(runtime, outbox, offline, bell).put(outgoing, bytes: outgoing.bytes, limit: limit) {
            countOffline(outgoing)
        }
    }

    private nonisolated func countOffline(_ outgoing: Outgoing) {
        runtime.count(\.droppedOffline, "a message to \(outgoing.topic) was dropped while there was no link")
    }

    // MARK: On the loop

    /// Gives the library what it can take.
    func send() throws {
        guard keeper.isUp else { return }
        // Several rounds, and then others on this loop have their turn.
        for _ in 0..<4 {
            // What the library has queued by itself, acknowledgements above all, goes first. Only what the socket then
            // does not take brings another call of this, when it has room.
            try client.flush()
            guard !client.wantsToWrite else {
                isHeldUp = true
                return
            }
            guard try sendBatch() else { return }
        }
        bell.ring()
    }

    /// - Returns: whether anything was sent.
    private func sendBatch() throws -> Bool {
        // The library may have closed the socket while it read: what is taken now would be with nobody.
        guard !client.hasEnded else { throw MessagingError(.connectionLost, "the broker ended the link") }
        var messages = 0
        var bytes = 0
        while messages < Self.batchMessages, bytes < Self.batchBytes, let outgoing = takeNext() {
            try give(outgoing)
            messages += 1
            bytes += outgoing.bytes
        }
        guard messages > 0 else { return false }
        try client.flush()
        return true
    }

    private func takeNext() -> Outgoing? {
        if culprit.isProbing, inFlight.count > 0 { return nil }
        guard let candidate = first.popFirst() ?? offline.takeFirst() ?? outbox.takeFirst() else { return nil }
        guard inFlight.hasRoom(guaranteed: candidate.quality > 0) else {
            first.prepend(candidate)
            return nil
        }
        return candidate
    }

    /// Gives the library one message. What it does not take is an error to the sender, not to the link.
    private func give(_ outgoing: Outgoing) throws {
        if outgoing.isAbandoned { return }
        let left = outgoing.deadline.map { $0 - runtime.timers.now }
        if let left, left <= .zero { return dropExpired(outgoing) }
        var introduced = false
        do {
            var properties = MosquittoProperties(options.version)
            // The first, where the guard finds it.
            if let left { try properties.add(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, int32: Self.seconds(left)) }
            try properties.add(outgoing.headers)
            var topic: String? = outgoing.topic
            // One that is sent again after a reconnect has to have its topic.
            if outgoing.quality == 0 {
                switch aliases.use(outgoing.topic) {
                case .none: break
                case .introduce(let number):
                    introduced = true
                    try properties.add(MQTT_PROP_TOPIC_ALIAS, int16: number)
                case .alone(let number):
                    try properties.add(MQTT_PROP_TOPIC_ALIAS, int16: number)
                    topic = nil
                }
            }
            let number = try client.publish(
                outgoing.payload,
                to: topic,
                quality: outgoing.quality,
                retain: outgoing.retain,
                properties
            )
            inFlight.sent(number, outgoing.confirmation == nil ? nil : outgoing)
        } catch let error as MessagingError where error.code != .connectionLost {
            // The broker has not heard of the number.
            if introduced { aliases.withdraw(outgoing.topic) }
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(error))
            } else {
                runtime.logger.warning("a message to \(outgoing.topic) could not be sent: \(error)")
            }
        }
    }

    /// What is left of a message's life, in whole seconds; less than one would mean that it does not expire at all.
    private static func seconds(_ left: Duration) -> Int {
        Int(clamping: max(1, (left + .milliseconds(500)).components.seconds))
    }

    private func dropExpired(_ outgoing: Outgoing) {
        guard let confirmation = outgoing.confirmation else { return countOffline(outgoing) }
        let expiry = outgoing.expiry.map { " within \($0)" } ?? ""
        confirmation.end(.failure(MessagingError(.timeout, "the message could not be sent\(expiry)")))
    }

    /// The link is gone: what has no guarantee goes with it, unless it is to be kept.
    func dropUnguaranteed(_ error: any Error) {
        let isDropped = { [keeps = offline.keeps] (outgoing: Outgoing) in
            outgoing.endsWithLink || (outgoing.quality == 0 && !keeps)
        }
        let dropped = first.filter(isDropped) + outbox.removeAll(where: isDropped)
        first.removeAll(where: isDropped)
        for outgoing in dropped {
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(error))
            } else {
                countOffline(outgoing)
            }
        }
    }

    /// Fails the message that the broker answers by ending the link, if there is one.
    func findCulprit(_ error: MessagingError) {
        let candidates = inFlight.unconfirmed.filter { !client.hasReceived($0.number) }
        let first = candidates.first
        let isCulprit = culprit.linkEnded(
            ending,
            first: first?.message.confirmation.map(ObjectIdentifier.init),
            isAlone: candidates.count == 1,
            isOwed: options.session != .clean
        )
        inFlight.linkIsLost()
        guard isCulprit, let first else { return }
        _ = inFlight.confirmed(first.number)
        client.disown([first.number])
        let links = culprit.links
        culprit.progressed()
        first.message.confirmation?.end(
            .failure(
                MessagingError(
                    brokersReason == 0x95 ? .bodyTooLarge : .refused,
                    "\(links) links ended when the message to \(quoted(first.message.topic)) had been sent; the last one: "
                        + error.message,
                    cause: error
                )
            )
        )
    }

    private var ending: CulpritSearch<ObjectIdentifier>.Ending {
        switch brokersReason {
        // Malformed packet, protocol error, not authorised, a topic, an alias, a size, a format, retaining, a quality of
        // service (MQTT 5, 3.14.2.1).
        case 0x81, 0x82, 0x87, 0x90, 0x94, 0x95, 0x99, 0x9A, 0x9B: .blamed
        // Unspecified, by the implementation, too many or too much at once.
        case 0x80, 0x83, 0x93, 0x96, 0x97: .unexplained
        case nil: client.wasCut ? .unexplained : .otherwise
        default: .otherwise
        }
    }

    /// Makes ready for another link after one was lost.
    ///
    /// Where the broker keeps the session the library goes on with what it has under way. Otherwise a new client
    /// begins, so that nothing is sent again that is to arrive at most once; the rest is sent anew.
    func renewClient() {
        guard options.session == .clean,
            let fresh = try? Mosquitto(options, clientID: runtime.name, wire: runtime.wire)
        else { return }
        fresh.delegate = self
        client = fresh
        first.prepend(contentsOf: inFlight.removeAll())
    }

    /// The broker has accepted the link and still has the session: the library sends again what is under way. What nobody waits
    /// for any more is left out, and what expires is sent with what is left of its life.
    func sessionIsBack() {
        for (number, outgoing) in Array(inFlight.unconfirmed) where !client.hasReceived(number) {
            let left = outgoing.deadline.map { $0 - runtime.timers.now }
            if outgoing.isAbandoned || left.map({ $0 <= .zero }) ?? false {
                client.disown([number])
                _ = inFlight.confirmed(number)
                dropExpired(outgoing)
            } else if let left {
                client.shorten(number, to: Self.seconds(left))
            }
        }
    }

    /// The broker has accepted the link and has nothing of the session that was kept: what was under way is sent anew.
    func sessionIsLost() {
        client.disown(inFlight.numbers, isLost: true)
        first.prepend(contentsOf: inFlight.removeAll())
    }

    var hasUnwritten: Bool {
        guard !client.hasEnded else { return false }
        return client.wantsToWrite || !first.isEmpty || !offline.isEmpty || outbox.count > 0
    }

    /// The broker has confirmed a message. Who waits for that is told with others.
    func confirmed(_ number: CInt, reason: CInt) {
        // That the broker does not know the number any more means, in recovery, that it has finished with the message
        // (MQTT 5, 3.7.2.1).
        let isFinished = reason == 0x92 && inFlight.isRecovered(number)
        guard let confirmation = inFlight.confirmed(number)?.confirmation else { return }
        culprit.progressed()
        let reason = PublishReason(rawValue: options.version == .v5 && !isFinished ? reason : 0)
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
}
