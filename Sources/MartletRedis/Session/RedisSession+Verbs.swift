import Martlet
import MartletIO

/// The verbs that send, as Redis has them. From any thread.
extension RedisSession {
    nonisolated func publish(_ message: Message, to topic: TopicName, _ options: PublishOptions) async throws {
        try runtime.checkSize(of: message)
        if options.retain {
            throw MessagingError(.unsupported, "Redis keeps no message of a topic; keep it in a key of your own")
        }
        if options.guarantee != .atMostOnce {
            throw MessagingError(
                .unsupported,
                "Redis does not wait for subscribers: what is published arrives at most once; a queue keeps messages"
            )
        }
        let body = Envelope.isNeeded(for: message) ? Envelope.wrap(message, for: .publication) : message.body
        let reply = try await submitPublish([Command.publish, Array(topic.text.utf8), body])
        if let error = reply.error { throw error.asMessagingError("the publish to \(topic)") }
    }

    /// Publishes while there is a link without waiting for the server's answer.
    nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        _ options: PublishOptions
    ) async throws -> Confirmation {
        guard !options.retain, options.guarantee == .atMostOnce, runtime.states.state == .connected else {
            try await publish(message, to: topic, options)
            return .confirmed
        }
        try runtime.checkSize(of: message)
        let body = Envelope.isNeeded(for: message) ? Envelope.wrap(message, for: .publication) : message.body
        let reply = try await begin([[Command.publish, Array(topic.text.utf8), body]], isGuaranteed: false)
        return Confirmation {
            if let error = try await reply().error { throw error.asMessagingError("the publish to \(topic)") }
        }
    }

    /// Sends without waiting for the server's answer.
    nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions
    ) async throws -> Confirmation {
        guard !options.requiresConsumer, options.guarantee == .atLeastOnce, message.headers.replyTo == nil else {
            try await send(message, to: queue, options)
            return .confirmed
        }
        try runtime.checkSize(of: message)
        let keys = QueueKeys(queue)
        let element = element(of: message, expiry: options.expiry)
        let reply = try await begin(
            [[Command.rpush, keys.list, element]],
            slot: keys.slot,
            isGuaranteed: true,
            within: options.expiry
        )
        return Confirmation {
            if let error = try await reply().error { throw error.asMessagingError("a message to \(queue)") }
        }
    }

    nonisolated func send(_ message: Message, to queue: QueueName, _ options: SendOptions) async throws {
        try runtime.checkSize(of: message)
        if options.guarantee == .exactlyOnce {
            throw MessagingError(.unsupported, "Redis' queues deliver at least once, not exactly once")
        }
        let keys = QueueKeys(queue)
        let element = element(of: message, expiry: options.expiry)
        if message.headers.replyTo != nil, let id = message.headers.correlationID {
            calls.sent(id, QueuedRequest(keys: keys, element: element))
        }
        var commands = [[Command.rpush, keys.list, element]]
        // Whoever blocks on the list has taken the element by the time the next command runs.
        if options.requiresConsumer { commands += [[Command.llen, keys.list], [Command.exists, keys.consumers]] }
        let reply =
            options.guarantee == .atMostOnce
            ? try await submit(commands, slot: keys.slot, within: options.expiry)
            : try await submitGuaranteed(commands, slot: keys.slot, within: options.expiry)
        let replies = reply.array ?? [reply]
        for reply in replies {
            if let error = reply.error { throw error.asMessagingError("a message to \(queue)") }
        }
        guard replies.count == 3, replies[1].integer != 0, replies[2].integer == 0 else { return }
        let grace = min(self.options.responderGrace, options.expiry ?? self.options.responderGrace)
        try await takeBackUnlessTaken(element, keys, message.headers.correlationID, after: grace)
    }

    /// Nobody has taken the message at once, and no consumer is known. One of another library may be between two looks
    /// at the list.
    private nonisolated func takeBackUnlessTaken(
        _ element: [UInt8],
        _ keys: QueueKeys,
        _ id: String?,
        after grace: Duration
    ) async throws {
        try await Task.sleep(for: grace)
        // The latest is at the end.
        let reply: RedisValue
        do {
            reply = try await submit([[Command.lrem, keys.list, Command.last, element]], slot: keys.slot)
        } catch is MessagingError {
            // The link has gone. The message has been sent, and that is what was asked.
            return
        }
        guard reply.integer != 0 else { return }
        if let id { calls.takenBack(id) }
        throw MessagingError(.noResponder, "nobody consumes \(keys.queue)")
    }

    /// A message as an element of a list.
    private nonisolated func element(of message: Message, expiry: Duration?) -> [UInt8] {
        var message = message
        if let expiry {
            message.headers[QueueHeaders.expires] = .integer(clock.end(of: expiry))
        }
        if message.headers.replyTo != nil { return Envelope.wrap(message, for: .call) }
        return Envelope.isNeeded(for: message) ? Envelope.wrap(message, for: .publication) : message.body
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try runtime.checkSize(of: message)
        guard let channel = ReplyNames.channel(of: address) else {
            // A client of another library, which may look at its list only later.
            let key = Array(address.utf8)
            let expiry = Array(String(max(1, options.replyExpiry.wholeMilliseconds)).utf8)
            let reply = try await submit(
                [[Command.rpush, key, Envelope.wrap(message, for: .call)], [Command.pexpire, key, expiry]],
                slot: ClusterSlot.slot(of: key)
            )
            for reply in reply.array ?? [] {
                if let error = reply.error { throw error.asMessagingError("a reply") }
            }
            return
        }
        var message = message
        message.headers[ReplyNames.addressHeader] = .string(address)
        let body = Envelope.wrap(message, for: .call)
        let reply = try await submit([[Command.publish, Array(channel.utf8), body]])
        if let error = reply.error { throw error.asMessagingError("a reply") }
        if reply.integer == 0 { throw MessagingError(.noResponder, "nobody hears the reply address any more") }
    }
}

extension Duration {
    /// Rounded towards zero, and at most 292 years.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ attoseconds / 1_000_000_000
    }
}
