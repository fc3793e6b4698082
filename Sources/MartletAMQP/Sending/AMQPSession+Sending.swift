import DequeModule
import Logging
import Martlet
import MartletTransport

/// Messages on their way out.
extension AMQPSession {
    /// How many messages, and about how many bytes, are written in one go.
    private static var batchMessages: Int { 256 }
    private static var batchBytes: Int { 256 << 10 }

    // MARK: From any thread

    /// Hands a message to the loop; if it is to be confirmed, returns when the broker has.
    nonisolated func transmit(_ outgoing: Outgoing, expiry: Duration? = nil) async throws {
        try await begin(outgoing, expiry: expiry).wait()
    }

    /// Hands a message to the loop; if it is to be confirmed, what it returns waits for that.
    nonisolated func begin(_ outgoing: Outgoing, expiry: Duration? = nil) async throws -> Confirmation {
        try Task.checkCancellation()
        guard let confirmation = outgoing.confirmation else {
            try await sendUnguaranteed(outgoing, expiry)
            return .confirmed
        }
        if !outgoing.isKept, runtime.states.state != .connected { throw notConnected }
        let timer = expiry.map { end(confirmation, after: $0) }
        do {
            try await enqueue(outgoing, expiry)
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
        // The link may have gone just before, and nobody would tell.
        if !outgoing.isKept { bell.ring() }
        return Confirmation(confirmation, timer: timer, of: runtime.timers)
    }

    /// Hands the request of a call to the loop. What becomes of it is told by the call.
    nonisolated func beginCall(_ outgoing: Outgoing, expiry: Duration?) async throws {
        try Task.checkCancellation()
        // If the link goes from here on all calls fail, and with them this one, which is not sent by the next link.
        guard runtime.states.state == .connected else { throw notConnected }
        try await enqueue(outgoing, expiry)
    }

    /// Puts a message into the outbox, waiting for room until it has expired.
    private nonisolated func enqueue(_ outgoing: Outgoing, _ expiry: Duration?) async throws {
        try await outbox.put(outgoing, bytes: outgoing.bytes, limit: WaitLimit(expiry, of: runtime.timers))
    }

    /// Hands the loop a message that nobody waits for.
    nonisolated func post(_ outgoing: Outgoing) async throws {
        try Task.checkCancellation()
        try await sendUnguaranteed(outgoing, nil)
    }

    private nonisolated var notConnected: MessagingError {
        runtime.states.state == .closed ? .closed : .offline
    }

    private nonisolated func end(_ confirmation: Promise<Void>, after expiry: Duration) -> Timers.ID {
        runtime.timers.schedule(at: runtime.timers.now + expiry) {
            confirmation.end(
                .failure(MessagingError(.timeout, "the broker did not confirm the message within \(expiry)"))
            )
        }
    }

    private nonisolated func sendUnguaranteed(_ outgoing: Outgoing, _ expiry: Duration?) async throws {
        switch runtime.states.state {
        case .connected:
            try await enqueue(outgoing, expiry)
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
        runtime.count(\.droppedOffline, "a message to \(outgoing.destination) was dropped while there was no link")
    }

    // MARK: On the loop

    /// Gives the link what it can take.
    func send() throws {
        guard canPublish, blockedReason == nil, let link else { return }
        // Several rounds, and then others on this loop have their turn.
        for _ in 0..<4 {
            guard !link.wantsToWrite else {
                isHeldUp = true
                return
            }
            var messages = 0
            // What comes meanwhile makes no room: that is for the next time.
            var linesMove = true
            while messages < Self.batchMessages, link.backlog < Self.batchBytes, sendNext(&linesMove) { messages += 1 }
            guard messages > 0 else { return }
            // What was settled by replies goes with them.
            try settle()
            try link.flush()
        }
        bell.ring()
    }

    /// Sends what was accepted of a channel's publishes that nobody waits for, before those of others.
    func sendAccepted(by origin: Outgoing.Origin) {
        for outgoing in outbox.removeAll(where: { $0.origin == origin && $0.confirmation == nil }) { send(outgoing) }
    }

    /// - Returns: whether there was one.
    private func sendNext(_ linesMove: inout Bool) -> Bool {
        if linesMove {
            if let outgoing = waiting.takeNext(where: { hasRoom($0) }) {
                if !isAbandoned(outgoing) { send(outgoing) }
                return true
            }
            linesMove = false
        }
        guard let outgoing = (offline.keeps ? offline.takeFirst() : nil) ?? outbox.takeFirst() else { return false }
        if isAbandoned(outgoing) { return true }
        // One without a confirmation takes no room, and nothing holds it up.
        if outgoing.confirmation == nil || waiting.isEmpty(outgoing.origin) && hasRoom(outgoing.origin) {
            send(outgoing)
        } else {
            waiting.append(outgoing)
        }
        return true
    }

    /// Whether nobody waits for it any more, so that it need not be sent.
    private func isAbandoned(_ outgoing: Outgoing) -> Bool {
        if let call = outgoing.call { return !runtime.isInFlight(call) }
        return outgoing.isAbandoned
    }

    /// Whether a channel may have one more unconfirmed, or there is no channel to wait for.
    private func hasRoom(_ origin: Outgoing.Origin) -> Bool {
        let channel: Channel?
        switch origin {
        case .verbs: channel = publisher.channel
        case .suspects: return suspects.channel?.confirms?.count ?? 0 == 0
        case .calls: return true
        case .native(let id):
            guard let native = natives[id], native.failure == nil else { return true }
            guard native.isReady else { return false }
            channel = native.channel
        }
        guard let confirms = channel?.confirms else { return true }
        return confirms.count < options.maximumUnconfirmed && confirms.bytes < options.maximumUnconfirmedBytes
    }

    private func send(_ outgoing: Outgoing) {
        do {
            let channel =
                switch outgoing.origin {
                case .verbs: try publisher.open(on: self, confirms: outgoing.confirmation != nil)
                case .suspects: try suspects.open(on: self, confirms: true)
                case .calls: try callers.open(on: self, confirms: false)
                case .native(let id): try native(id).present(self)
                }
            try give(outgoing, to: channel)
        } catch {
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(error))
            } else if let call = outgoing.call {
                runtime.failCall(call, error)
            } else if (error as? MessagingError)?.code == .notConnected {
                // Its channel is not open again yet.
                countOffline(outgoing)
            } else {
                runtime.logger.warning("a message to \(outgoing.destination) could not be sent: \(error)")
            }
        }
        // Also with one that can't be sent: it would fail again each time its request came back.
        try? outgoing.settlement?.settle(as: .ack)
    }

    private func give(_ outgoing: Outgoing, to channel: Channel) throws {
        var outgoing = outgoing
        if outgoing.publish.isMandatory, outgoing.call == nil { outgoing.publish.returnNumber = channel.confirms?.next }
        try link?.append(outgoing.publish, channel: channel.number)
        guard let confirmation = outgoing.confirmation else {
            channel.confirms?.skip()
            return
        }
        guard channel.confirms != nil else {
            confirmation.end(.success(()))
            return
        }
        // What is not sent again needs no body.
        if !outgoing.isKept { outgoing.publish.body = [] }
        channel.confirms?.add(outgoing, bytes: outgoing.bytes)
    }

    /// The broker's word on what was published.
    func confirmed(_ number: UInt64, _ multiple: Bool, isTaken: Bool, on channel: Channel) {
        guard let concluded = channel.confirms?.conclude(number, multiple: multiple, isTaken: isTaken) else { return }
        Promise<Void>.end(
            concluded.compactMap { outgoing, outcome in
                guard let confirmation = outgoing.confirmation else { return nil }
                switch outcome {
                case .confirmed: return (confirmation, .success(()))
                case .refused: return (confirmation, .failure(MessagingError.notTaken(outgoing.destination)))
                case .returned(let returned):
                    return (confirmation, .failure(MessagingError(returned: returned, to: outgoing.destination)))
                }
            }
        )
        if channel === suspects.channel, channel.confirms?.count == 0, waiting.isEmpty(.suspects) {
            suspects.close(self)
        }
    }

    /// A channel is gone, but what is kept is sent again: on the next link, or when the channel is open again.
    func takeBackUnconfirmed(of channel: Channel, _ error: MessagingError) {
        let unconfirmed = (channel.confirms?.removeAll() ?? []).filter { !$0.isAbandoned }
        waiting.prepend(unconfirmed.filter(\.isKept))
        for outgoing in unconfirmed where !outgoing.isKept { outgoing.confirmation?.end(.failure(error)) }
    }

    /// The broker closed a channel of the verbs because of a message. Of those that nobody waits for none is sent again;
    /// they may be lost.
    func publisherRefused(_ channel: Channel, _ error: MessagingError) {
        // Those after it have gone with the channel, and which these were nobody says.
        if channel.owner === callers { return runtime.failCalls(error) }
        let isCertain = channel.confirms?.count == 1 && channel.confirms?.hasSkipped == false
        let unconfirmed = (channel.confirms?.removeAll() ?? []).filter { !$0.isAbandoned }
        waiting.prepend(
            unconfirmed.compactMap { outgoing in
                guard outgoing.isKept, !isCertain else {
                    outgoing.confirmation?.end(.failure(error))
                    return nil
                }
                var suspect = outgoing
                suspect.origin = .suspects
                return suspect
            }
        )
        // Otherwise those who wait are told.
        runtime.logger.log(
            level: unconfirmed.isEmpty ? .warning : .debug,
            "the broker refused a message that was published: \(error)"
        )
        if keeper.isUp { bell.ring() }
    }

    /// A channel of the native API is gone for good.
    func failWaiting(of origin: Outgoing.Origin, _ error: MessagingError) {
        guard !waiting.isEmpty(origin) else { return }
        for outgoing in waiting.removeAll(where: { $0.origin == origin }) {
            outgoing.confirmation?.end(.failure(error))
        }
    }

    /// The link is gone: what has no guarantee goes with it, unless it is to be kept.
    func dropUnguaranteed() {
        func goes(_ outgoing: Outgoing) -> Bool {
            !outgoing.isKept && (outgoing.confirmation != nil || outgoing.call != nil || !offline.keeps)
        }
        for outgoing in waiting.removeAll(where: goes) + outbox.removeAll(where: goes) {
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(MessagingError(.connectionLost, "the link was lost")))
            } else if outgoing.call == nil {
                // Calls have all been told.
                countOffline(outgoing)
            }
        }
    }

    /// Nothing will be sent any more.
    func failOutgoing(_ error: MessagingError) {
        for outgoing in waiting.removeAll(where: { _ in true }) + outbox.close(error) {
            outgoing.confirmation?.end(.failure(error))
        }
    }
}
