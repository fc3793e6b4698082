import Martlet
import MartletTransport

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
        let body = try runtime.wire.publication(message, format: options.format)
        try await put(body, to: topic, expiry: options.expiry)
    }

    /// Publishes while there is a link without waiting for the server's answer.
    nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        _ options: PublishOptions
    ) async throws -> Confirmation {
        guard !options.retain, options.guarantee == .atMostOnce else {
            try await publish(message, to: topic, options)
            return .confirmed
        }
        try runtime.checkSize(of: message)
        try Task.checkCancellation()
        let body = try runtime.wire.publication(message, format: options.format)
        let answer = PublishAnswer()
        let limit = WaitLimit(options.expiry, of: runtime.timers)
        if case .taken = try await outbox.publish(body, to: topic, answer, limit: limit) {
            return Confirmation(answer, of: runtime.timers) { result in
                do {
                    try result.get()
                } catch let error as RedisError {
                    throw error.asMessagingError("the publish to \(topic)")
                }
            }
        }
        try await put(body, to: topic, expiry: options.expiry)
        return .confirmed
    }

    nonisolated func send(_ message: Message, to queue: QueueName, _ options: SendOptions) async throws {
        try await beginSending(message, to: queue, options).wait()
    }

    /// Sends without waiting for the server's answer.
    nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions
    ) async throws -> Confirmation {
        try runtime.checkSize(of: message)
        if options.guarantee == .exactlyOnce {
            throw MessagingError(.unsupported, "Redis' queues deliver at least once, not exactly once")
        }
        if options.guarantee == .atMostOnce { try checkConnected() }
        let keys = QueueKeys(queue)
        let element = try element(of: message, expiry: options.expiry)
        let answer = Answer()
        let timer = end(answer, after: options.expiry)
        var commands = [[Command.rpush, keys.list, element]]
        var completion = Request.Completion.answer(answer)
        let call = message.headers.replyTo == nil ? nil : message.headers.correlationID
        if let call { calls.sent(call, QueuedRequest(keys: keys, element: element)) }
        if options.requiresConsumer {
            // Whoever blocks on the list has taken the element by the time the next command runs.
            commands += [[Command.llen, keys.list], [Command.exists, keys.consumers]]
            let grace = min(self.options.responderGrace, options.expiry ?? self.options.responderGrace)
            let search = ConsumerSearch(
                element: element,
                keys: keys,
                call: call,
                grace: grace,
                answer: answer,
                timer: timer
            )
            completion = .step(answer) { session, result in session.commands.searches.sent(search, result, session) }
        }
        let isGuaranteed = options.guarantee != .atMostOnce
        var request = Request(commands, slot: keys.slot, isGuaranteed: isGuaranteed, completion)
        request.isOwn = true
        try await begin(request, timer, within: options.expiry)
        return Confirmation(answer, timer: timer, of: runtime.timers) { try $0.get().check("a message to \(queue)") }
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
            for reply in reply.array ?? [] { try reply.check("a reply") }
            return
        }
        var message = message
        message.headers[ReplyNames.addressHeader] = .string(address)
        let body = try runtime.wire.call(message)
        let reply = try await submit([[Command.publish, Array(channel.utf8), body]])
        try reply.check("a reply")
        if reply.integer == 0 { throw MessagingError(.noResponder, "nobody hears the reply address any more") }
    }
}
