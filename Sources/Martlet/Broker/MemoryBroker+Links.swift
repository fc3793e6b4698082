import Synchronization

extension MemoryBroker {
    /// What came of a publish or a send.
    enum Outcome {
        case done
        case offline
        /// These mailboxes were full, and the message waits outside.
        case heldBack([HeldBack])
        /// The queue is full, and the message waits outside.
        case parked(UInt64, QueueName)
    }

    /// A message that waits outside a mailbox.
    struct HeldBack {
        let mailbox: Mailbox<Delivery>
        let id: UInt64
    }

    func publish(
        _ message: Message,
        to topic: TopicName,
        _ options: PublishOptions,
        from link: MemoryLink
    ) throws -> Outcome {
        guard !isProgrammed else {
            let dispatch = BrokerDispatch(message, to: .topic(topic, retain: options.retain))
            return try self.dispatch(dispatch, SendOptions(expiry: options.expiry), from: link)
        }
        return try locked { state in
            guard link.isOnline else { return .offline }
            return try publish(message, to: topic, retain: options.retain, expiry: options.expiry, &state)
        }
    }

    func dispatch(_ dispatch: BrokerDispatch, _ options: SendOptions, from link: MemoryLink) throws -> Outcome {
        try locked { state in
            guard link.isOnline else { return .offline }
            return try rule(
                on: dispatch,
                expiry: options.expiry,
                requiresConsumer: options.requiresConsumer,
                link,
                &state
            )
        }
    }

    /// Asks the handler, then does what it says.
    private func rule(
        on dispatch: BrokerDispatch,
        expiry: Duration?,
        requiresConsumer: Bool,
        _ link: MemoryLink,
        _ state: inout State
    ) throws -> Outcome {
        var dispatch = dispatch
        switch state.handler?.dispatches(dispatch, from: link.client, actions: &state.actions) {
        case .accept, nil: break
        case .change(let changed): dispatch = changed
        case .refuse(let reason):
            perform(&state)
            throw state.refusal(reason)
        }
        // What the handler adds goes out after what it was asked about.
        defer { perform(&state) }
        switch dispatch.destination {
        case .topic(let topic, let retain):
            try topic.validate()
            return try publish(dispatch.message, to: topic, retain: retain, expiry: expiry, &state)
        case .queue(let queue):
            try queue.validate()
            return try send(dispatch.message, to: queue, expiry: expiry, requiresConsumer: requiresConsumer, &state)
        case .reply(let address):
            guard state.core.reply(dispatch.message, to: address) else {
                throw MessagingError(.noResponder, "nobody hears \(quoted(address)) any more")
            }
            return .done
        }
    }

    private func publish(
        _ message: Message,
        to topic: TopicName,
        retain: Bool,
        expiry: Duration?,
        _ state: inout State
    ) throws -> Outcome {
        if retain { try keep(message, for: topic, expiry: expiry, &state) }
        var heldBack: [HeldBack] = []
        for subscriber in state.core.subscribers(of: topic) {
            let isRetained = retain && subscriber.retainAsPublished
            if options.mode == .stepped {
                let (mailbox, client) = (subscriber.mailbox, subscriber.client)
                state.held.append(.publication(message, topic, isRetained: isRetained, to: mailbox, client: client))
                continue
            }
            let known = subscriber.knowsTopic ? nil : topic
            let delivery = Delivery(topic: known, message: message, isRetained: isRetained)
            let (offer, reader) = subscriber.mailbox.offerWithoutWaking(delivery, topic: topic)
            if let reader { state.aftermath.readers.append(reader) }
            if case .parked(let id) = offer { heldBack.append(HeldBack(mailbox: subscriber.mailbox, id: id)) }
        }
        return heldBack.isEmpty ? .done : .heldBack(heldBack)
    }

    private func keep(_ message: Message, for topic: TopicName, expiry: Duration?, _ state: inout State) throws {
        guard !state.core.exceedsRetained(topic) else {
            throw MessagingError(.refused, "the broker retains \(options.retainedTopics) topics and takes no more")
        }
        let expiresAt = expiry.map { timers.now + $0.capped }
        state.core.keep(message, for: topic, until: expiresAt)
        if expiresAt != nil { perform(&state) }
    }

    private func send(
        _ message: Message,
        to queue: QueueName,
        expiry: Duration?,
        requiresConsumer: Bool,
        _ state: inout State
    ) throws -> Outcome {
        let now = timers.now
        let options = SendOptions(expiry: expiry, requiresConsumer: requiresConsumer)
        let admission = try state.core.send(message, to: queue, options, now: now)
        switch admission {
        case .admitted: return .done
        case .parked(let id): return .parked(id, queue)
        case .full: throw MessagingError(.queueFull, "queue \(queue) is full, and its rule is to refuse")
        }
    }

    /// - Returns: what it is subscribed to: the handler may have changed it.
    func subscribe(
        _ client: BrokerClient,
        to pattern: TopicPattern,
        _ options: SubscribeOptions,
        _ mailbox: Mailbox<Delivery>
    ) throws -> TopicPattern {
        try locked { state in
            try state.checkOnline(client)
            var pattern = pattern
            switch state.handler?.subscribes(to: pattern, client, actions: &state.actions) {
            case .accept, nil: break
            case .change(let changed): pattern = changed
            case .refuse(let reason):
                perform(&state)
                throw state.refusal(reason)
            }
            try pattern.validate()
            state.core.subscribe(client.id, to: pattern, options, mailbox, now: timers.now)
            perform(&state)
            return pattern
        }
    }

    func unsubscribe(_ client: BrokerClient, _ mailbox: Mailbox<Delivery>) {
        locked { $0.core.unsubscribe(client.id, mailbox) }
    }

    /// - Returns: what it consumes: the handler may have changed it.
    func consume(
        _ client: BrokerClient,
        from queue: QueueName,
        _ options: ConsumeOptions,
        _ mailbox: Mailbox<Delivery>
    ) throws -> QueueName {
        try locked { state in
            try state.checkOnline(client)
            var queue = queue
            switch state.handler?.consumes(from: queue, client, actions: &state.actions) {
            case .accept, nil: break
            case .change(let changed): queue = changed
            case .refuse(let reason):
                perform(&state)
                throw state.refusal(reason)
            }
            try queue.validate()
            try state.core.makeRoomForQueue(queue)
            state.core.consume(client.id, from: queue, options, mailbox, now: timers.now)
            perform(&state)
            return queue
        }
    }

    func stopConsuming(_ client: BrokerClient, _ mailbox: Mailbox<Delivery>) {
        locked { $0.core.stopConsuming(client.id, mailbox) }
    }

    func hearReplies(_ client: BrokerClient) throws -> String {
        try locked { state in
            try state.checkOnline(client)
            state.core.hearReplies(client.id)
            return BrokerCore.address(of: client.id)
        }
    }

    func settle(_ tag: UInt64, of client: BrokerClient, as disposition: Disposition) throws {
        try locked { state in
            guard let delivery = state.core.unsettledDelivery(tag) else {
                throw MessagingError(
                    .connectionLost,
                    "the link over which this delivery came was lost; the broker delivers it again"
                )
            }
            var disposition = disposition
            let ruling = state.handler?.settles(
                delivery.queued.message,
                from: delivery.queue,
                as: disposition,
                client,
                actions: &state.actions
            )
            if case .change(let changed) = ruling { disposition = changed }
            state.core.settle(tag, as: disposition, now: timers.now)
            perform(&state)
        }
    }

    func disconnect(_ link: MemoryLink) {
        let client = link.client
        let mailboxes = locked { state in
            link.isOnline = false
            let mailboxes = state.core.disconnect(client.id, now: timers.now)
            state.links[client.id] = nil
            state.handler?.disconnects(client, inOrder: true, actions: &state.actions)
            perform(&state)
            return mailboxes
        }
        for mailbox in mailboxes { mailbox.finish() }
    }

    func cut(_ link: MemoryLink) {
        let client = link.client
        locked { state in
            guard link.isOnline else { return }
            link.isOnline = false
            state.core.cut(client.id, now: timers.now)
            state.handler?.disconnects(client, inOrder: false, actions: &state.actions)
            state.held.removeAll { $0.client == client.id }
            perform(&state)
        }
    }

    /// Whether the broker's handler let the client back in.
    func restore(_ link: MemoryLink) -> Bool {
        let client = link.client
        return locked { state in
            if case .refuse = state.handler?.connects(client, actions: &state.actions) { return false }
            link.isOnline = true
            state.core.restore(client.id, now: timers.now)
            perform(&state)
            return true
        }
    }

    /// Takes back a message that waits for room in its queue; its sender gets the error.
    ///
    /// - Returns: whether it still waited.
    func withdraw(_ id: UInt64, from queue: QueueName, throwing error: any Error) -> Bool {
        let withdrawn = locked { $0.core.withdraw(id, from: queue) }
        withdrawn?.continuation?.resume(throwing: error)
        return withdrawn != nil
    }

    /// Waits until a message that found its queue full is let in.
    func waitUntilAdmitted(
        _ id: UInt64,
        to queue: QueueName,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try await withTaskCancellationHandler {
            // Captured, it has this run where the caller runs.
            _ = isolation
            try await withCheckedThrowingContinuation { continuation in
                let waits = locked { state in
                    if Task.isCancelled, state.core.withdraw(id, from: queue) != nil { return false }
                    return state.core.attach(continuation, to: id, of: queue)
                }
                guard !waits else { return }
                continuation.resume(with: Result { try Task.checkCancellation() })
            }
        } onCancel: {
            let withdrawn = locked { $0.core.withdraw(id, from: queue) }
            withdrawn?.continuation?.resume(throwing: CancellationError())
        }
    }
}
