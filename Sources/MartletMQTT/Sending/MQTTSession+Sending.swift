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
        _ check: @escaping @Sendable (PublishReason) throws -> Void = { _ in }
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
        guard let expiry = outgoing.expiry, let confirmation = outgoing.confirmation else { return nil }
        return runtime.timers.schedule(at: runtime.timers.now + expiry) {
            confirmation.end(
                .failure(MessagingError(.timeout, "the broker did not confirm the message within \(expiry)"))
            )
        }
    }

    private nonisolated func sendUnguaranteed(_ outgoing: Outgoing) async throws {
        switch runtime.states.state {
        case .connected:
            try await enqueue(outgoing)
        case .closed:
            throw MessagingError.closed
        case .connecting, .disconnected:
            switch offline.add(outgoing) {
            case .refused: throw MessagingError.offline
            case .dropped: countOffline(outgoing)
            case .kept: break
            }
            // The link may have come back just before.
            bell.ring()
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
        guard client.socket != nil else { throw MessagingError(.connectionLost, "the broker ended the link") }
        var messages = 0
        var bytes = 0
        while messages < Self.batchMessages, bytes < Self.batchBytes, let outgoing = takeNext() {
            try give(outgoing)
            messages += 1
            bytes += outgoing.bytes
        }
        guard messages > 0 else { return false }
        // Held together until all is written, many packets share one segment.
        let socket = messages > 1 ? client.socket : nil
        if let socket { SocketOptions.setHeldBack(true, socket) }
        try client.flush()
        if let socket, client.socket == socket { SocketOptions.setHeldBack(false, socket) }
        return true
    }

    private func takeNext() -> Outgoing? {
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
        var introduced = false
        do {
            var properties = MosquittoProperties(options.version)
            try properties.add(outgoing.headers)
            if let expiry = outgoing.expiry {
                // Whole seconds; one that is shorter would otherwise not expire at all.
                let seconds = max(1, expiry.components.seconds)
                try properties.add(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, int32: Int(clamping: seconds))
            }
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

    var hasUnwritten: Bool {
        guard client.socket != nil else { return false }
        return client.wantsToWrite || !first.isEmpty || !offline.isEmpty || outbox.count > 0
    }

    /// The broker has confirmed a message. Who waits for that is told with others.
    func confirmed(_ number: CInt, reason: CInt) {
        guard let confirmation = inFlight.confirmed(number)?.confirmation else { return }
        let reason = PublishReason(rawValue: options.version == .v5 ? reason : 0)
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
