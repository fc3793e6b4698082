import DequeModule
import Logging
import Martlet
import MartletTransport

/// Channels: asking on them, and what comes on them.
extension AMQPSession {
    /// Opens a channel: what is asked on it follows at once, without waiting for the broker.
    ///
    /// - Parameter opened: told when the broker has opened it.
    /// - Throws: `MessagingError.Code.refused` if the connection may have no more of them.
    func openChannel(
        _ owner: (any ChannelOwner)?,
        _ opened: @escaping Channel.Completion = { _ in }
    ) throws -> Channel {
        guard keeper.isUp, let link = wire.link else { throw offlineError }
        let channel = try channels.add(owner, most: wire.agreement?.channelMax ?? 0)
        channel.waiting.append(opened)
        try link.append(.channelOpen, channel: channel.number)
        return channel
    }

    var offlineError: MessagingError {
        switch keeper.state {
        case .draining, .closing, .closed: .closed
        case .idle, .opening, .restoring, .open: .offline
        }
    }

    /// Asks for something on a channel; the completion is called once, on the loop.
    func ask(_ method: ClientMethod, on channel: Channel, _ completion: @escaping Channel.Completion) {
        guard let link = wire.link, channels.has(channel), !channel.isClosing else {
            return completion(.failure(offlineError))
        }
        do {
            try link.append(method, channel: channel.number)
            channel.waiting.append(completion)
        } catch {
            completion(.failure(error))
        }
    }

    /// Asks for several things, one after the other, without waiting in between; the completion gets the last answer, or
    /// the first error.
    func ask(_ methods: [ClientMethod], on channel: Channel, _ completion: @escaping Channel.Completion) {
        var hasFailed = false
        for (index, method) in methods.enumerated() {
            ask(method, on: channel) { result in
                if hasFailed { return }
                switch result {
                case .failure:
                    hasFailed = true
                    completion(result)
                case .success:
                    if index == methods.count - 1 { completion(result) }
                }
            }
        }
    }

    /// Asks for several things on a channel of their own, so that what the broker refuses costs no other.
    ///
    /// - Returns: the last answer.
    func askAlone(_ methods: [ClientMethod], within limit: Duration? = nil) async throws -> ServerMethod.Reply {
        try Task.checkCancellation()
        let promise = Promise<ServerMethod.Reply>()
        let channel = try openChannel(nil)
        attend {
            ask(methods, on: channel) { promise.end($0) }
            close(channel)
        }
        return try await answer(promise, within: limit)
    }

    /// Asks for several things on a channel.
    func ask(_ methods: [ClientMethod], on channel: Channel) async throws -> ServerMethod.Reply {
        try Task.checkCancellation()
        let promise = Promise<ServerMethod.Reply>()
        attend { ask(methods, on: channel) { promise.end($0) } }
        return try await answer(promise)
    }

    /// The broker's answer to something that was just asked. From when it has the question it may take the connect timeout.
    ///
    /// - Parameter limit: how long it is waited for at most, whenever the broker has the question.
    func answer<Answer: Sendable>(_ promise: Promise<Answer>, within limit: Duration? = nil) async throws -> Answer {
        let patience = options.connectTimeout
        let shown = min(limit ?? patience, patience)
        return try await answer(
            promise,
            within: patience,
            until: limit.map { runtime.timers.now + $0.capped },
            or: MessagingError(.timeout, "the broker did not answer within \(shown)")
        )
    }

    /// Tells a broker something that has no answer.
    func tell(_ method: ClientMethod, on channel: Channel) {
        guard let link = wire.link, channels.has(channel), !channel.isClosing else { return }
        // It can't be too large: it is none of those that hold tables.
        try? link.append(method, channel: channel.number)
    }

    /// Closes a channel; its number is free when the broker has answered.
    func close(_ channel: Channel) {
        guard let link = wire.link, channels.has(channel), !channel.isClosing else { return }
        try? link.append(.channelClose(code: 200, text: "done"), channel: channel.number)
        channel.isClosing = true
        channel.settler.end(.lost)
    }

    /// Closes a channel when all of its deliveries are settled.
    func drain(_ channel: Channel) {
        channel.isDraining = true
        if channel.unsettled == 0 { close(channel) }
    }

    // MARK: What comes

    func received(_ method: ServerMethod, on channel: Channel) throws {
        if channel.assembly.isBusy { throw FrameParser.broken("a method comes within a message") }
        switch method {
        case .deliver(let delivery): try channel.assembly.announce(.delivery(delivery))
        case .returned(let returned): try channel.assembly.announce(.returned(returned))
        case .reply(.got(let got)): try channel.assembly.announce(.got(got))
        case .ack(let tag, let multiple): publishing.confirmed(tag, multiple, isTaken: true, on: channel, of: self)
        case .nack(let tag, let multiple): publishing.confirmed(tag, multiple, isTaken: false, on: channel, of: self)
        case .cancel(let consumer): channel.owner?.cancelled(consumer, on: channel, of: self)
        case .channelFlow(let isActive):
            channel.isStopped = !isActive
            tell(.channelFlowOK(isActive: isActive), on: channel)
            if isActive { bell.ring() }
        case .channelClose(let close): closedByBroker(channel, close)
        case .channelCloseOK:
            guard channel.isClosing else { throw FrameParser.broken("an answer comes that nobody asked for") }
            end(channel, MessagingError(.notRunning, "the channel is closed"), linkIsLost: false)
        case .reply(let reply):
            guard let completion = channel.waiting.popFirst() else {
                throw FrameParser.broken("an answer comes that nobody asked for")
            }
            completion(.success(reply))
        case .start, .secure, .tune, .openOK, .connectionClose, .connectionCloseOK, .blocked, .unblocked:
            throw FrameParser.broken("a method of the connection comes on a channel")
        }
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel) throws {
        if let refusal = content.refusal { runtime.count(\.oversized, "\(refusal.message)") }
        switch content.announcement {
        case .delivery:
            // Owners count what has to be settled.
            if channel.isClosing { return }
            try channel.owner?.received(content, on: channel, of: self)
            channels.noteRead(channel)
        case .got(let got):
            guard let completion = channel.waiting.popFirst() else {
                throw FrameParser.broken("an answer comes that nobody asked for")
            }
            channel.gotten = content
            completion(.success(.got(got)))
            channel.gotten = nil
        case .returned(let returned): channel.owner?.returned(content, returned, on: channel, of: self)
        }
    }

    private func closedByBroker(_ channel: Channel, _ close: ServerMethod.Close) {
        if let link = wire.link { try? link.append(.channelCloseOK, channel: channel.number) }
        let error = MessagingError(channelClose: close)
        runtime.logger.debug("the broker closed the channel \(channel.number): \(error)")
        end(channel, error, linkIsLost: false)
    }

    /// A channel is over: who waits on it is told, and then its owner.
    func end(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool) {
        channels.remove(channel)
        channel.isClosing = true
        channel.settler.end(.lost)
        while let completion = channel.waiting.popFirst() { completion(.failure(error)) }
        channel.owner?.ended(channel, error, linkIsLost: linkIsLost, of: self)
    }

    // MARK: Streams

    /// Asks whether a queue is a stream, on channels that the broker ends.
    ///
    /// - Parameter completion: called once, on the loop; `nil`: it can't be told.
    func askWhetherStream(_ question: StreamQuestion, _ completion: @escaping (Bool?) -> Void) {
        guard let channel = try? openChannel(nil) else { return completion(nil) }
        ask(question.methods, on: channel) { result in
            var question = question
            switch question.answer(result) {
            case .stream: completion(true)
            case .queue: completion(false)
            case .again: self.askWhetherStream(question, completion)
            case .unknown: completion(nil)
            }
        }
        close(channel)
    }

    // MARK: Settling

    /// Tells the broker what readers have done with their deliveries.
    func settle() throws {
        var settled: [Channel] = []
        for (channel, method) in channels.takeSettlements() {
            channel.unsettled -= 1
            if !channel.hasSettled {
                channel.hasSettled = true
                settled.append(channel)
            }
            switch method {
            case .ack(let tag, multiple: false) where channel.window != nil: channel.window?.acknowledge(tag)
            case .nack(let tag, multiple: false, _):
                tell(method, on: channel)
                channel.window?.told(tag)
            default: tell(method, on: channel)
            }
        }
        for channel in settled {
            channel.hasSettled = false
            for method in channel.window?.takeAcknowledgements() ?? [] { tell(method, on: channel) }
            if channel.isDraining, channel.unsettled == 0 { close(channel) }
        }
    }
}
