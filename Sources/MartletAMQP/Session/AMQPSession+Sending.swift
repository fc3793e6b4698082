import DequeModule
import Logging
import Martlet
import MartletIO

/// Messages on their way out.
extension AMQPSession {
    /// How many messages, and about how many bytes, are written in one go.
    private static var batchMessages: Int { 256 }
    private static var batchBytes: Int { 256 << 10 }

    // MARK: From any thread

    /// Hands a message to the loop; if it is to be confirmed, returns when the broker has.
    nonisolated func publish(_ outgoing: Outgoing, expiry: Duration? = nil) async throws {
        try await begin(outgoing, expiry: expiry).wait()
    }

    /// Hands a message to the loop; if it is to be confirmed, what it returns waits for that.
    nonisolated func begin(_ outgoing: Outgoing, expiry: Duration? = nil) async throws -> Confirmation {
        try Task.checkCancellation()
        guard let confirmation = outgoing.confirmation else {
            try await sendUnguaranteed(outgoing)
            return .confirmed
        }
        if !outgoing.isKept, runtime.states.state != .connected { throw notConnected }
        let timer = expiry.map { end(confirmation, after: $0) }
        do {
            try await outbox.put(outgoing, bytes: outgoing.bytes)
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
        // The link may have gone just before, and nobody would tell.
        if !outgoing.isKept { bell.ring() }
        return Confirmation { [timers = runtime.timers] in
            defer { if let timer { timers.cancel(timer) } }
            try await confirmation.value()
        }
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

    private nonisolated func sendUnguaranteed(_ outgoing: Outgoing) async throws {
        switch runtime.states.state {
        case .connected:
            try await outbox.put(outgoing, bytes: outgoing.bytes)
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
        guard case .open = phase, blockedReason == nil, let link else { return }
        // Several rounds, and then others on this loop have their turn.
        for _ in 0..<4 {
            guard !link.wantsToWrite else { return }
            var messages = 0
            while messages < Self.batchMessages, link.backlog < Self.batchBytes, try sendNext() { messages += 1 }
            guard messages > 0 else { return }
            try link.flush()
        }
        bell.ring()
    }

    /// - Returns: whether there was one, and room for it.
    private func sendNext() throws -> Bool {
        guard let outgoing = again.popFirst() ?? offline.takeFirst() ?? outbox.takeFirst() else { return false }
        if outgoing.isAbandoned { return true }
        guard let channel = try channel(for: outgoing) else { return true }
        guard hasRoom(channel) else {
            again.prepend(outgoing)
            return false
        }
        give(outgoing, to: channel)
        return true
    }

    private func channel(for outgoing: Outgoing) throws -> Channel? {
        switch outgoing.origin {
        case .connection:
            if publisher.channel == nil { try publisher.open(on: self) }
            return publisher.channel
        case .channel(let id):
            let native = natives[id]
            if let channel = native?.channel { return channel }
            outgoing.confirmation?.end(.failure(native?.failure ?? NativeChannel.closed))
            return nil
        }
    }

    private func hasRoom(_ channel: Channel) -> Bool {
        guard let confirms = channel.confirms else { return true }
        let limit = channel === publisher.channel && publisher.suspects > 0 ? 1 : options.maximumUnconfirmed
        return confirms.count < limit
    }

    private func give(_ outgoing: Outgoing, to channel: Channel) {
        guard let link else { return }
        var outgoing = outgoing
        if outgoing.publish.isMandatory { outgoing.publish.returnNumber = channel.confirms?.next }
        do {
            try link.append(outgoing.publish, channel: channel.number)
        } catch {
            if outgoing.confirmation?.end(.failure(error)) == nil {
                runtime.logger.warning("a message to \(outgoing.destination) could not be sent: \(error)")
            }
            return
        }
        guard channel.confirms != nil else {
            outgoing.confirmation?.end(.success(()))
            return
        }
        // What is not sent again needs no body.
        if !outgoing.isKept { outgoing.publish.body = [] }
        channel.confirms?.add(outgoing)
    }

    /// The broker's word on what was published.
    func confirmed(_ number: UInt64, _ multiple: Bool, isTaken: Bool, on channel: Channel) {
        guard let concluded = channel.confirms?.conclude(number, multiple: multiple, isTaken: isTaken) else { return }
        if channel === publisher.channel { publisher.suspects = max(0, publisher.suspects - concluded.count) }
        for (outgoing, outcome) in concluded {
            guard let confirmation = outgoing.confirmation else { continue }
            switch outcome {
            case .confirmed: confirmation.end(.success(()))
            case .refused: confirmation.end(.failure(MessagingError.notTaken(outgoing.destination)))
            case .returned(let returned):
                confirmation.end(.failure(MessagingError(returned: returned, to: outgoing.destination)))
            }
        }
    }

    /// A channel is gone with its link: what is kept is sent again on the next one.
    func takeBackUnconfirmed(of channel: Channel, _ error: MessagingError) {
        let unconfirmed = channel.confirms?.removeAll() ?? []
        for outgoing in unconfirmed.reversed() where !outgoing.isAbandoned {
            if outgoing.isKept {
                again.prepend(outgoing)
            } else {
                outgoing.confirmation?.end(.failure(error))
            }
        }
    }

    /// The broker closed the verbs' channel because of a message.
    func publisherRefused(_ channel: Channel, _ error: MessagingError) {
        var unconfirmed = channel.confirms?.removeAll() ?? []
        if unconfirmed.count == 1 {
            // That was it.
            let outgoing = unconfirmed.removeFirst()
            publisher.suspects = max(0, publisher.suspects - 1)
            if outgoing.confirmation?.end(.failure(error)) == nil {
                runtime.logger.warning("the broker refused a message to \(outgoing.destination): \(error)")
            }
        }
        // Of those without a guarantee nobody would know which it was; they may be lost.
        let kept = unconfirmed.filter { !$0.isAbandoned && $0.confirmation != nil }
        for outgoing in kept.reversed() {
            if outgoing.publish.body.isEmpty, !outgoing.isKept {
                outgoing.confirmation?.end(.failure(error))
            } else {
                again.prepend(outgoing)
            }
        }
        publisher.suspects = max(publisher.suspects, kept.count)
        if isUp { bell.ring() }
    }

    /// The link is gone: what has no guarantee goes with it, unless it is to be kept.
    func dropUnguaranteed() {
        func goes(_ outgoing: Outgoing) -> Bool {
            !outgoing.isKept && (outgoing.confirmation != nil || !offline.keeps)
        }
        let dropped = again.filter(goes) + outbox.removeAll(where: goes)
        again.removeAll(where: goes)
        for outgoing in dropped {
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(MessagingError(.connectionLost, "the link was lost")))
            } else {
                countOffline(outgoing)
            }
        }
    }

    /// Nothing will be sent any more.
    func failOutgoing(_ error: MessagingError) {
        for outgoing in again { outgoing.confirmation?.end(.failure(error)) }
        again.removeAll()
        for outgoing in outbox.close(error) { outgoing.confirmation?.end(.failure(error)) }
    }
}
