import Martlet
import MartletTransport

/// The verbs, as AMQP does them.
extension AMQPSession {
    // MARK: From any thread

    nonisolated func publish(_ message: Message, to topic: TopicName, _ options: PublishOptions) async throws {
        try await beginPublishing(message, to: topic, options).wait()
    }

    nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        _ options: PublishOptions
    ) async throws -> Confirmation {
        let key = try runtime.names.topic(topic)
        if options.retain {
            throw MessagingError(.unsupported, "AMQP keeps no messages for later subscribers: nothing can be retained")
        }
        try check(message, options.guarantee)
        let isGuaranteed = options.guarantee > .atMostOnce
        var (properties, body) = try WireFormat.content(of: message, format: options.format, runtime.wire)
        try prepare(&properties, isLasting: isGuaranteed, expiry: options.expiry)
        return try await begin(
            Outgoing(
                publish: AMQPPublish(
                    exchange: self.options.exchange,
                    routingKey: key,
                    isMandatory: false,
                    properties: properties,
                    body: body
                ),
                isKept: isGuaranteed,
                confirmation: isGuaranteed ? Promise() : nil
            ),
            expiry: options.expiry
        )
    }

    nonisolated func send(_ message: Message, to queue: QueueName, _ options: SendOptions) async throws {
        try await send(message, to: queue, options, until: deadline(after: options.expiry))
    }

    private nonisolated func send(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions,
        until deadline: Duration?
    ) async throws {
        let name = try runtime.names.queue(queue)
        try check(message, options.guarantee)
        if message.headers.replyTo != nil { return try await beginRequest(message, to: queue, options).wait() }
        let isGuaranteed = options.guarantee > .atMostOnce
        var (properties, body) = try WireFormat.content(of: message, runtime.wire)
        try prepare(&properties, isLasting: true, expiry: options.expiry)
        while true {
            var presence = Presence.known
            do {
                if options.requiresConsumer {
                    try await checkConsumers(of: queue, within: life(of: queue, until: deadline))
                } else {
                    presence = try await ensureQueue(queue, waits: isGuaranteed, until: deadline)
                }
                let isNew = presence == .new
                let publish = AMQPPublish(
                    exchange: "",
                    routingKey: name,
                    isMandatory: isGuaranteed || options.requiresConsumer,
                    properties: properties,
                    body: body
                )
                if isNew, isGuaranteed { return try await sendFirst(publish, to: queue, until: deadline) }
                if isNew { await remember(queue) }
                return try await transmit(
                    Outgoing(
                        publish: publish,
                        isKept: isGuaranteed,
                        confirmation: isGuaranteed || options.requiresConsumer ? Promise() : nil
                    ),
                    expiry: life(of: queue, until: deadline)
                )
            } catch let error as MessagingError
                where error.code == .noResponder && !options.requiresConsumer && presence != .assumed
            {
                // The queue was deleted since it was last seen.
                await forget(queue)
            }
        }
    }

    /// Sends; if the queue turns out to have gone since it was last seen, that is found out while its confirmation is
    /// waited for, and put right then.
    nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions
    ) async throws -> Confirmation {
        if message.headers.replyTo != nil {
            return try await beginRequest(message, to: queue, options)
        }
        guard !options.requiresConsumer, options.guarantee == .atLeastOnce else {
            try await send(message, to: queue, options)
            return .confirmed
        }
        let name = try runtime.names.queue(queue)
        let deadline = deadline(after: options.expiry)
        try check(message, options.guarantee)
        var (properties, body) = try WireFormat.content(of: message, runtime.wire)
        try prepare(&properties, isLasting: true, expiry: options.expiry)
        let publish = AMQPPublish(
            exchange: "",
            routingKey: name,
            isMandatory: true,
            properties: properties,
            body: body
        )
        if try await ensureQueue(queue, waits: true, until: deadline) == .new {
            do {
                try await sendFirst(publish, to: queue, until: deadline)
            } catch let error as MessagingError where error.code == .noResponder {
                await forget(queue)
                try await send(message, to: queue, options, until: deadline)
            }
            return .confirmed
        }
        let begun = try await begin(
            Outgoing(publish: publish, isKept: true, confirmation: Promise()),
            expiry: life(of: queue, until: deadline)
        )
        return Confirmation {
            do {
                try await begun.wait()
            } catch let error as MessagingError where error.code == .noResponder {
                await self.forget(queue)
                try await self.send(message, to: queue, options, until: deadline)
            }
        }
    }

    /// Sends the first message to a queue, and returns when the broker has it, so that the next ones come after it.
    ///
    /// While somebody else declares a quorum queue RabbitMQ says that it is there, and refuses what is sent to it.
    private nonisolated func sendFirst(
        _ publish: AMQPPublish,
        to queue: QueueName,
        until deadline: Duration?
    ) async throws {
        for attempt in 0... {
            do {
                let outgoing = Outgoing(publish: publish, isKept: true, confirmation: Promise())
                try await transmit(outgoing, expiry: life(of: queue, until: deadline))
                return await remember(queue)
            } catch let error as MessagingError where error.code == .queueFull {
                guard attempt < 7, await declaration(of: publish.routingKey).kind == .quorum else {
                    await remember(queue)
                    throw error
                }
                try await runtime.timers.sleep(for: .milliseconds(10 << attempt))
            }
        }
    }

    /// Sends a request. Its responder declares the queue: those of peers must not be declared by another.
    ///
    /// - Parameter isOfCall: whether it is the request of a call, which ends if the broker can't route it; then there is
    ///   nothing to wait for.
    nonisolated func beginRequest(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions,
        isOfCall: Bool = false
    ) async throws -> Confirmation {
        let name = try runtime.names.queue(queue)
        try check(message, options.guarantee)
        var (properties, body) = try WireFormat.callContent(of: message, runtime.wire)
        try prepare(&properties, isLasting: false, expiry: options.expiry)
        let isGuaranteed = options.guarantee > .atMostOnce
        let isMandatory = isGuaranteed || options.requiresConsumer
        var outgoing = Outgoing(
            publish: AMQPPublish(
                exchange: "",
                routingKey: name,
                isMandatory: isMandatory,
                properties: properties,
                body: body
            ),
            isKept: isGuaranteed
        )
        if isOfCall, !isGuaranteed, let call = properties.correlationID {
            outgoing.origin = .calls
            outgoing.call = call
            try await beginCall(outgoing, expiry: options.expiry)
            return .confirmed
        }
        outgoing.confirmation = isMandatory ? Promise() : nil
        return try await begin(outgoing, expiry: options.expiry)
    }

    /// When a message is worthless, by the connection's clock: its life counts from the call.
    private nonisolated func deadline(after expiry: Duration?) -> Duration? { expiry.map { runtime.timers.now + $0 } }

    /// What is left of a message's life; `nil`: it has no end.
    private nonisolated func life(of queue: QueueName, until deadline: Duration?) throws -> Duration? {
        guard let deadline else { return nil }
        let left = deadline - runtime.timers.now
        guard left > .zero else {
            throw MessagingError(.timeout, "the message to \(queue) expired before the broker had it")
        }
        return left
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try ShortText.check(address, "a reply address")
        try check(message, .atMostOnce)
        let (properties, body) = try WireFormat.callContent(of: message, runtime.wire)
        let isDirect = address.hasPrefix(ReplyConsumer.pseudoQueue)
        try await transmit(
            Outgoing(
                publish: AMQPPublish(
                    exchange: "",
                    routingKey: address,
                    // The broker takes a direct address for none that a message could be routed to.
                    isMandatory: !isDirect,
                    properties: properties,
                    body: body
                ),
                isKept: false,
                confirmation: isDirect ? nil : Promise()
            )
        )
        if isDirect { try await checkAddress(address) }
    }

    /// Hands the loop a reply, and the settlement of its request. Nobody asks whether it is heard.
    nonisolated func postReply(_ message: Message, to address: String, settling request: Settlement?) async throws {
        try ShortText.check(address, "a reply address")
        try check(message, .atMostOnce)
        let (properties, body) = try WireFormat.callContent(of: message, runtime.wire)
        let publish = AMQPPublish(
            exchange: "",
            routingKey: address,
            isMandatory: false,
            properties: properties,
            body: body
        )
        try await post(Outgoing(publish: publish, isKept: false, settlement: request))
    }

    /// Throws if nobody hears a direct address any more: as a queue, it can be asked for.
    private func checkAddress(_ address: String) async throws {
        let promise = Promise<ServerMethod.Reply>()
        attend { declarations.ask(forQueue: address, on: self) { promise.end($0) } }
        do {
            _ = try await answer(promise)
        } catch let error as MessagingError where error.amqpReplyCode == AMQPReplyError.notFound {
            throw MessagingError(.noResponder, "nobody hears the reply address any more", cause: error)
        }
    }

    private nonisolated func check(_ message: Message, _ guarantee: Guarantee) throws {
        try runtime.checkSize(of: message)
        if guarantee == .exactlyOnce {
            throw MessagingError(.unsupported, "AMQP 0-9-1 delivers at least once, not exactly once")
        }
    }

    private nonisolated func prepare(
        _ properties: inout AMQPProperties,
        isLasting: Bool,
        expiry: Duration?
    ) throws {
        if isLasting { properties.deliveryMode = 2 }
        // RabbitMQ takes at most 32 bits of milliseconds; what lasts longer is as good as for ever.
        if let expiry, expiry < .milliseconds(Int64(UInt32.max) - 1) {
            properties.expiration = String(max(1, expiry.wholeMilliseconds))
        }
    }

    // MARK: Queues

    /// How a queue is declared that does not exist yet: as this connection has declared it before, if it has.
    ///
    /// - Parameter queue: its name on the wire.
    func declaration(of queue: String, forRequests: Bool = false) -> AMQPQueue {
        if let declared = declarations.queue(queue) { return declared }
        var declared = AMQPQueue(queue, arguments: options.queueArguments)
        if forRequests {
            // It goes with its last responder, so that the broker tells callers that there is none; and by time, if that one has
            // not come back from a restart of the broker.
            declared = .passing(queue, after: .seconds(60))
            declared.isAutoDeleted = true
        } else if !options.queuesAreDurable {
            declared.isDurable = false
        } else {
            declared.kind = options.queueKind
            if options.queueKind == .quorum, declared.arguments["x-delivery-limit"] == nil {
                // With a limit, however high, what is put back returns to its place; without one, to the end.
                declared.arguments["x-delivery-limit"] = .int64(Int64(Int32.max))
            }
        }
        return declared
    }

    private func forget(_ queue: QueueName) { declarations.forget(queue) }

    private func remember(_ queue: QueueName) { declarations.remember(queue) }

    /// What is known of a queue.
    private enum Presence {
        /// It exists; or, without a link, nobody can tell.
        case known
        /// It has just been found, or made: it is known when something could be sent to it.
        case new
        /// It may be neither declared nor looked at.
        case assumed
    }

    /// Declares a queue unless it is known to exist.
    ///
    /// - Parameters:
    ///   - waits: whether to wait for a link, and for a broker that is silent.
    ///   - deadline: until when.
    private func ensureQueue(_ queue: QueueName, waits: Bool, until deadline: Duration?) async throws -> Presence {
        while !declarations.knows(queue) {
            let limit = try life(of: queue, until: deadline)
            do {
                let name = try runtime.names.queue(queue)
                let patience = waits ? limit : min(limit ?? options.connectTimeout, options.connectTimeout)
                return try await untilNodeIsThere(within: patience) { try await declare(name, within: limit) }
            } catch let error as MessagingError {
                if waits, error.code == .timeout, error.amqpReplyCode == nil { continue }
                let isOfLink = [.notConnected, .connectionLost].contains(error.code)
                guard isOfLink, !error.isOfDeniedFeature else { throw error }
                if !waits {
                    if case .fail = options.connection.whileOffline { throw error }
                    return .known
                }
                try await runtime.waitUntilConnected(within: limit)
            }
        }
        return .known
    }

    /// Declares a queue; one that may not be declared is looked at, and otherwise taken to be there.
    private func declare(_ name: String, within limit: Duration?) async throws -> Presence {
        var access = QueueAccess(to: .send)
        while true {
            do {
                let methods = access.methods(for: declaration(of: name), [])
                guard !methods.isEmpty else { return .assumed }
                _ = try await askAlone(methods, within: limit)
                return .new
            } catch let error as MessagingError {
                // It is another connection's own.
                if error.amqpReplyCode == AMQPReplyError.resourceLocked { return .new }
                if case .fail(let reason) = access.next(after: error) { throw reason }
            }
        }
    }

    private func checkConsumers(of queue: QueueName, within limit: Duration?) async throws {
        do {
            let name = try runtime.names.queue(queue)
            let found = try await untilNodeIsThere(within: limit ?? options.connectTimeout) {
                let promise = Promise<ServerMethod.Reply>()
                attend { declarations.ask(forQueue: name, on: self) { promise.end($0) } }
                return try await answer(promise, within: limit)
            }
            if case .queueDeclared(_, _, consumers: 0) = found {
                throw MessagingError(.noResponder, "nobody consumes \(queue)")
            }
        } catch let error as MessagingError where !error.isOfAbsentNode {
            switch error.amqpReplyCode {
            case AMQPReplyError.notFound: throw MessagingError(.noResponder, "nobody consumes \(queue)", cause: error)
            // It is another connection's own, or may not be looked at: the broker returns the message if it is gone.
            case AMQPReplyError.resourceLocked, AMQPReplyError.accessRefused: break
            default: throw error
            }
        }
    }

    // MARK: Consuming

    func subscribe(to pattern: TopicPattern, _ options: SubscribeOptions) async throws -> (Mailbox<Delivery>, Int) {
        let binding = TopicBinding(pattern)
        for key in binding.keys {
            if let problem = runtime.names.problem(with: key) {
                let text = "the topic filter \(quoted(pattern.text)) can't be used here: \(problem)"
                throw MessagingError(.invalidFilter, text)
            }
        }
        if options.guarantee == .exactlyOnce {
            throw MessagingError(.unsupported, "AMQP 0-9-1 delivers at least once, not exactly once")
        }
        if let name = options.durableName {
            try ShortText.check(name, "the name of a durable subscription")
            let consumer = QueueConsumer(
                name,
                subscribedTo: pattern,
                binding,
                prefetch: min(options.limit, 65_535),
                on: self
            )
            return (consumer.mailbox, try await add(consumer))
        }
        let consumer = try TopicConsumer(pattern, binding, options, on: self)
        return (consumer.mailbox, try await add(consumer))
    }

    /// - Parameter forRequests: whether what comes are requests, which are worth nothing without a responder: then the
    ///   queue need not outlive its consumers.
    func consume(
        from queue: QueueName,
        _ options: ConsumeOptions,
        forRequests: Bool
    ) async throws -> (Mailbox<Delivery>, Int) {
        let name = try runtime.names.queue(queue)
        if options.prefetch > Int(UInt16.max) {
            throw MessagingError(
                .invalidArgument,
                "a consumer's prefetch is \(options.prefetch); AMQP has 65535 at most"
            )
        }
        var isRepeated = false
        for attempt in 1... {
            let consumer = QueueConsumer(
                name,
                of: queue,
                isForRequests: forRequests,
                prefetch: options.prefetch,
                on: self
            )
            do {
                return (consumer.mailbox, try await add(consumer))
            } catch let error as MessagingError {
                // RabbitMQ fails, and ends the link, when a quorum queue is consumed while somebody else is declaring it.
                // By the time the link is back the queue is there.
                let isRace = error.amqpReplyCode == AMQPReplyError.internalError && !error.isOfDeniedFeature
                guard isRace || isRepeated && error.code == .notConnected, attempt < 10 else { throw error }
                isRepeated = true
                try await runtime.waitUntilConnected(within: self.options.connectTimeout)
            }
        }
        throw offlineError
    }

    private func add(_ consumer: any Restorable) async throws -> Int {
        guard keeper.state == .open else { throw offlineError }
        try Task.checkCancellation()
        consuming.add(consumer)
        let id = consumer.id
        do {
            try await untilNodeIsThere(within: options.connectTimeout) {
                let promise = Promise<Void>()
                attend { consumer.open(on: self) { promise.end($0.map { .failure($0) } ?? .success(())) } }
                try await answer(promise)
            }
        } catch {
            remove(id)
            throw error
        }
        return id
    }

    private func remove(_ id: Int) {
        guard let consumer = consuming.removeConsumer(id) else { return }
        attend { consumer.leave(self) }
    }

    /// Ends what is consumed, soon. From any thread.
    nonisolated func leave(_ id: Int) {
        bell.execute { [weak self] in
            self?.assumeIsolated { session in
                let queues = session.consuming[id]?.consumedQueues ?? []
                session.remove(id)
                session.consumersEnded(of: queues)
            }
        }
    }

    /// Deletes the queue of a durable subscription, soon, or when there is a link again. From any thread.
    nonisolated func forget(_ name: String) {
        runtime.courier.post { [self] in
            try await runtime.waitUntilConnected(within: nil)
            _ = try await declare(.deleteQueue(name, ifUnused: false, ifEmpty: false))
        }
    }

    // MARK: Replies

    /// - Returns: where replies come, at the moment that it is asked.
    func openReplyAddress(_ receive: @escaping @Sendable (Message, String) -> Void) async throws
        -> ReplyConsumer.Address
    {
        guard keeper.state == .open else { throw offlineError }
        let consumer = ReplyConsumer(receive)
        consuming.setReplies(consumer)
        let promise = Promise<Void>()
        attend { consumer.open(on: self) { promise.end($0.map { .failure($0) } ?? .success(())) } }
        do {
            try await answer(promise)
        } catch {
            consuming.dropReplies(consumer)
            throw error
        }
        return consumer.address
    }
}
