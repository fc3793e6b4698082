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
        try await put(runtime.wire.publication(message, format: options.format), to: topic)
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
        let body = try runtime.wire.publication(message, format: options.format)
        let answer = Answer(of: topic)
        try Task.checkCancellation()
        try await outbox.put(.awaited(body, topic, answer))
        return Confirmation(answer)
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
        let element = try element(of: message, expiry: options.expiry)
        let answer = Answer(to: queue)
        let timer = try await begin(
            Request([[Command.rpush, keys.list, element]], slot: keys.slot, isGuaranteed: true, .answer(answer)),
            within: options.expiry
        )
        return timer.map { Confirmation(ExpiringAnswer(answer: answer, timer: $0, timers: runtime.timers)) }
            ?? Confirmation(answer)
    }

    nonisolated func send(_ message: Message, to queue: QueueName, _ options: SendOptions) async throws {
        try runtime.checkSize(of: message)
        if options.guarantee == .exactlyOnce {
            throw MessagingError(.unsupported, "Redis' queues deliver at least once, not exactly once")
        }
        let keys = QueueKeys(queue)
        let element = try element(of: message, expiry: options.expiry)
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
        guard replies.count == 3, let length = replies[1].integer, length != 0, replies[2].integer == 0 else { return }
        let grace = min(self.options.responderGrace, options.expiry ?? self.options.responderGrace)
        try await takeBackUnlessTaken(
            element,
            keys,
            message.headers.correlationID,
            position: length - 1,
            after: grace
        )
    }

    /// Nobody has taken the message at once, and no consumer is known. One of another library may be between two looks
    /// at the list, or busy with what lies before it: as long as the message moves up, it is waited for.
    private nonisolated func takeBackUnlessTaken(
        _ element: [UInt8],
        _ keys: QueueKeys,
        _ id: String?,
        position: Int,
        after grace: Duration
    ) async throws {
        var position = position
        let reply: RedisValue
        do {
            while true {
                try await Task.sleep(for: grace)
                // The latest is at the end.
                let find = [Command.lpos, keys.list, element, Command.rank, Command.last]
                let found = try await submit([find], slot: keys.slot)
                if found.error != nil { break }
                guard let place = found.integer else { return }
                if place >= position { break }
                position = place
            }
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
    private nonisolated func element(of message: Message, expiry: Duration?) throws -> [UInt8] {
        var message = message
        if let expiry {
            message.headers[QueueHeaders.expires] = .integer(clock.end(of: expiry))
        }
        return message.headers.replyTo == nil
            ? try runtime.wire.publication(message) : try runtime.wire.call(message)
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try runtime.checkSize(of: message)
        guard let channel = ReplyNames.channel(of: address) else {
            // A client of another library, which may look at its list only later.
            let key = Array(address.utf8)
            let expiry = Array(String(max(1, options.replyExpiry.wholeMilliseconds)).utf8)
            let reply = try await submit(
                [[Command.rpush, key, runtime.wire.call(message)], [Command.pexpire, key, expiry]],
                slot: ClusterSlot.slot(of: key)
            )
            for reply in reply.array ?? [] {
                if let error = reply.error { throw error.asMessagingError("a reply") }
            }
            return
        }
        var message = message
        message.headers[ReplyNames.addressHeader] = .string(address)
        let body = try runtime.wire.call(message)
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
