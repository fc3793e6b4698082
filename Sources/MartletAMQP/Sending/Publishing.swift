import DequeModule
import Logging
import Martlet
import MartletTransport

/// Messages on their way out: from the outbox into the link, and until the broker has confirmed them. A part of its session,
/// on the session's loop.
final class Publishing {
    /// How many messages, and about how many bytes, are written in one go.
    private static let batchMessages = 256
    private static let batchBytes = 256 << 10

    /// The channel of the verbs' publishes.
    private let publisher = Publisher(.verbs)
    /// The channel of those that are sent again, since the broker refused one of them.
    private let suspects = Publisher(.suspects)
    /// The channel of calls' requests.
    private let callers = Publisher(.calls)
    /// Taken from the outbox, or sent before, for channels that have no room yet.
    private var waiting = WaitingLines()
    private var blockage = Blockage()
    private let events: EventBroadcast

    init(_ events: EventBroadcast) {
        self.events = events
    }

    /// Whether there is something to write, and a broker that takes it.
    func hasUnwritten(_ session: isolated AMQPSession) -> Bool {
        guard blockage.reason == nil, let link = session.wire.link else { return false }
        return link.wantsToWrite || !session.outlet.isEmpty || !waiting.isEmpty
    }

    /// How many wait for room in their channel.
    var waitingCount: Int { waiting.count }

    /// What the broker has not confirmed of the verbs' publishes; `nil`: it is not asked to.
    var unconfirmedOfVerbs: Int? { publisher.channel?.confirms?.count }

    /// Opens the channel of the verbs, so that the first publish need not wait for it.
    func open(on session: isolated AMQPSession) throws { _ = try publisher.open(on: session, confirms: false) }

    // MARK: What the broker says of itself

    /// The broker takes publishes, or none.
    ///
    /// - Parameter reason: why it takes none; `nil`: it does.
    func block(_ reason: String?, _ session: isolated AMQPSession) {
        let isDue = blockage.change(to: reason, at: session.runtime.timers.now)
        events.set(blocked: reason)
        if let reason {
            let text = "the broker takes no publishes at the moment: \(quoted(reason))"
            session.runtime.logger.log(level: isDue ? .warning : .debug, "\(text)")
        } else {
            session.runtime.logger.log(level: isDue ? .info : .debug, "the broker takes publishes again")
        }
    }

    /// The link is gone, and with it what the broker said of itself.
    func release(_ session: isolated AMQPSession) {
        if blockage.reason != nil { block(nil, session) }
    }

    /// Tells those who want to know of it.
    func post(_ event: AMQPEvent) { events.post(event) }

    func finishEvents() { events.finish() }

    // MARK: Sending

    /// Gives the link what it can take.
    func send(_ session: isolated AMQPSession) throws {
        guard session.canPublish, blockage.reason == nil, let link = session.wire.link else { return }
        // Several rounds, and then others on this loop have their turn.
        for _ in 0..<4 {
            guard !link.wantsToWrite else {
                session.wire.holdUp()
                return
            }
            var messages = 0
            // What comes meanwhile makes no room: that is for the next time.
            var linesMove = true
            while messages < Self.batchMessages, link.backlog < Self.batchBytes, sendNext(&linesMove, session) {
                messages += 1
            }
            guard messages > 0 else { return }
            // What was settled by replies goes with them.
            try session.settle()
            link.flush()
        }
        session.bell.ring()
    }

    /// Sends what was accepted of a channel's publishes that nobody waits for, before those of others.
    func sendAccepted(by origin: Outgoing.Origin, _ session: isolated AMQPSession) {
        for outgoing in session.outlet.outbox.removeAll(where: { $0.origin == origin && $0.confirmation == nil }) {
            send(outgoing, session)
        }
    }

    /// - Returns: whether there was one.
    private func sendNext(_ linesMove: inout Bool, _ session: isolated AMQPSession) -> Bool {
        if linesMove {
            if let outgoing = waiting.takeNext(where: { hasRoom($0, session) }) {
                if !isAbandoned(outgoing, session) { send(outgoing, session) }
                return true
            }
            linesMove = false
        }
        // While the broker stops a channel what is published on it waits as it does for a full window. Nobody waits for the
        // word of those that have no guarantee, so that their number is bounded here.
        if waiting.isFull { return false }
        guard let outgoing = session.outlet.takeFirst() else { return false }
        if isAbandoned(outgoing, session) { return true }
        // One without a confirmation takes no room, and a full window does not hold it up.
        let origin = outgoing.origin
        if outgoing.confirmation == nil
            ? !isStopped(origin, session) : waiting.isEmpty(origin) && hasRoom(origin, session)
        {
            send(outgoing, session)
        } else {
            waiting.append(outgoing)
        }
        return true
    }

    /// Whether nobody waits for it any more, so that it need not be sent.
    private func isAbandoned(_ outgoing: Outgoing, _ session: isolated AMQPSession) -> Bool {
        if let call = outgoing.call { return !session.runtime.isInFlight(call) }
        if outgoing.isAbandoned { return true }
        // Another time limit ends the wait of one who waits.
        guard outgoing.confirmation == nil, let deadline = outgoing.deadline, deadline <= session.runtime.timers.now
        else { return false }
        session.countOffline(outgoing)
        return true
    }

    /// Whether a channel may have one more unconfirmed, or there is no channel to wait for.
    private func hasRoom(_ origin: Outgoing.Origin, _ session: isolated AMQPSession) -> Bool {
        if isStopped(origin, session) { return false }
        if case .native(let id) = origin, let native = session.consuming.native(id), native.failure == nil,
            !native.isReady
        {
            return false
        }
        guard let confirms = channel(of: origin, session)?.confirms else { return true }
        if origin == .suspects { return confirms.count == 0 }
        return confirms.count < session.options.maximumUnconfirmed
            && confirms.bytes < session.options.maximumUnconfirmedBytes
    }

    /// Whether the broker wants no content on a channel for now.
    private func isStopped(_ origin: Outgoing.Origin, _ session: isolated AMQPSession) -> Bool {
        channel(of: origin, session)?.isStopped ?? false
    }

    /// The channel by which messages leave at the moment, if it is open.
    private func channel(of origin: Outgoing.Origin, _ session: isolated AMQPSession) -> Channel? {
        switch origin {
        case .verbs: publisher.channel
        case .suspects: suspects.channel
        case .calls: callers.channel
        case .native(let id): session.consuming.native(id)?.channel
        }
    }

    private func send(_ outgoing: Outgoing, _ session: isolated AMQPSession) {
        var outgoing = outgoing
        if let deadline = outgoing.deadline, outgoing.publish.properties.expiration != nil {
            // What is left of its life, however long it has waited.
            let left = max(1, (deadline - session.runtime.timers.now).wholeMilliseconds)
            outgoing.publish.properties.expiration = String(left)
        }
        do {
            let channel =
                switch outgoing.origin {
                case .verbs: try publisher.open(on: session, confirms: outgoing.confirmation != nil)
                case .suspects: try suspects.open(on: session, confirms: true)
                case .calls: try callers.open(on: session, confirms: false)
                case .native(let id): try session.native(id).present(session)
                }
            try give(outgoing, to: channel, session)
        } catch {
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(error))
            } else if let call = outgoing.call {
                session.runtime.failCall(call, error)
            } else if (error as? MessagingError)?.code == .notConnected {
                // Its channel is not open again yet.
                session.countOffline(outgoing)
            } else {
                session.runtime.logger.warning("a message to \(outgoing.destination) could not be sent: \(error)")
            }
        }
        // Also with one that can't be sent: it would fail again each time its request came back.
        try? outgoing.settlement?.settle(as: .ack)
    }

    private func give(_ outgoing: Outgoing, to channel: Channel, _ session: isolated AMQPSession) throws {
        var outgoing = outgoing
        if outgoing.publish.isMandatory, outgoing.call == nil { outgoing.publish.returnNumber = channel.confirms?.next }
        try session.wire.link?.append(outgoing.publish, channel: channel.number)
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
    func confirmed(
        _ number: UInt64,
        _ multiple: Bool,
        isTaken: Bool,
        on channel: Channel,
        of session: isolated AMQPSession
    ) {
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
            suspects.close(session)
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
    func refused(_ channel: Channel, _ error: MessagingError, _ session: isolated AMQPSession) {
        // Those after it have gone with the channel, and which these were nobody says.
        if channel.owner === callers { return session.runtime.failCalls(error) }
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
        if unconfirmed.isEmpty {
            session.runtime.countRefusal("the broker refused a message that was published: \(error)")
        }
        if session.keeper.isUp { session.bell.ring() }
    }

    /// A channel of the native API is gone for good.
    func failWaiting(of origin: Outgoing.Origin, _ error: MessagingError) {
        guard !waiting.isEmpty(origin) else { return }
        for outgoing in waiting.removeAll(where: { $0.origin == origin }) {
            outgoing.confirmation?.end(.failure(error))
        }
    }

    /// The link is gone: what has no guarantee goes with it, unless it is to be kept.
    func dropUnguaranteed(_ session: isolated AMQPSession) {
        let keeps = session.outlet.offline.keeps
        func goes(_ outgoing: Outgoing) -> Bool {
            !outgoing.isKept && (outgoing.confirmation != nil || outgoing.call != nil || !keeps)
        }
        for outgoing in waiting.removeAll(where: goes) + session.outlet.outbox.removeAll(where: goes) {
            if let confirmation = outgoing.confirmation {
                confirmation.end(.failure(MessagingError(.connectionLost, "the link was lost")))
            } else if outgoing.call == nil {
                // Calls have all been told.
                session.countOffline(outgoing)
            }
        }
    }

    /// Nothing will be sent any more.
    func failAll(_ error: MessagingError, _ session: isolated AMQPSession) {
        for outgoing in waiting.removeAll(where: { _ in true }) + session.outlet.outbox.close(error) {
            outgoing.confirmation?.end(.failure(error))
        }
    }
}
