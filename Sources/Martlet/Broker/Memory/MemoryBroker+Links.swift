import Synchronization

/// What links ask of their broker.
extension MemoryBroker {
    /// What came of a publish or a send.
    enum Outcome {
        case done
        case offline
        /// There was no room everywhere, and the message waits outside.
        case heldBack([HeldBack])
    }

    /// A message that waits outside a mailbox or a queue that is full.
    package struct HeldBack: Sendable {
        enum Place: Sendable {
            case mailbox(Mailbox<Delivery>)
            case queue(QueueName, MemoryBroker)
        }

        let place: Place
        let id: UInt64

        /// Waits until there was room for it, or its place has ended.
        package func waitUntilAdmitted(isolation: isolated (any Actor)? = #isolation) async throws {
            switch place {
            case .mailbox(let mailbox): try await mailbox.waitUntilAdmitted(id)
            case .queue(let queue, let broker): try await broker.waitUntilAdmitted(id, to: queue)
            }
        }

        /// Takes the message back; whoever waits for it gets the error.
        ///
        /// - Returns: whether it still waited.
        @discardableResult
        package func withdraw(throwing error: any Error = CancellationError()) -> Bool {
            switch place {
            case .mailbox(let mailbox): mailbox.withdraw(id, throwing: error)
            case .queue(let queue, let broker): broker.withdraw(id, from: queue, throwing: error)
            }
        }
    }

    // MARK: Messages

    // Inlined into the asynchronous function that calls it, it would allocate from the task what it has on the stack here.
    @inline(never)
    func publish(
        _ message: Message,
        to topic: TopicName,
        _ options: PublishOptions,
        from link: MemoryLink
    ) throws -> Outcome {
        guard !isProgrammed else {
            let dispatch = BrokerDispatch(message, to: .topic(topic, retain: options.retain))
            let sending = SendOptions(guarantee: options.guarantee, expiry: options.expiry)
            return try self.dispatch(dispatch, sending, from: link)
        }
        return try locked { state in
            guard link.isOnline else { return .offline }
            let publication = BrokerPublication(
                message,
                to: topic,
                retain: options.retain,
                guarantee: options.guarantee,
                expiresAt: options.expiry.map { timers.now + $0.capped },
                publisher: link.client.id
            )
            return try publish(publication, &state)
        }
    }

    /// Asks the handler about a message, then does what it says.
    func dispatch(_ dispatch: BrokerDispatch, _ options: SendOptions, from link: MemoryLink) throws -> Outcome {
        try locked { state in
            guard link.isOnline else { return .offline }
            let dispatch = try ruled(dispatch, &state) {
                $0.handler?.dispatches(dispatch, from: link.client, actions: &$0.actions)
            }
            // What the handler adds goes out after what it was asked about.
            defer { perform(&state) }
            switch dispatch.destination {
            case .topic(let topic, let retain):
                try topic.validate()
                let publication = BrokerPublication(
                    dispatch.message,
                    to: topic,
                    retain: retain,
                    guarantee: options.guarantee,
                    expiresAt: options.expiry.map { timers.now + $0.capped },
                    publisher: link.client.id
                )
                return try publish(publication, &state)
            case .queue(let queue):
                try queue.validate()
                let sender = try send(dispatch.message, to: queue, options, publisher: link.client.id, &state)
                return sender.map { .heldBack([holdBack($0, from: queue, &state)]) } ?? .done
            case .reply(let address):
                guard reply(dispatch.message, to: address, publisher: link.client.id, &state) else {
                    throw MessagingError(.noResponder, "nobody hears \(quoted(address)) any more")
                }
                return .done
            }
        }
    }

    private func publish(_ publication: BrokerPublication, _ state: inout State) throws -> Outcome {
        let (_, heldBack) = try distribute(publication, &state)
        return heldBack.isEmpty ? .done : .heldBack(heldBack)
    }

    /// Publishes a message, and delivers it to all its subscribers.
    ///
    /// - Returns: how many there are, and the mailboxes that were full.
    func distribute(
        _ publication: BrokerPublication,
        _ state: inout State
    ) throws -> (subscribers: Int, heldBack: [HeldBack]) {
        let subscribers = try state.core.publish(publication)
        record(&state)
        if publication.retain, publication.expiresAt != nil { perform(&state) }
        return (subscribers.count, deliver(publication, to: subscribers, &state))
    }

    /// Delivers a published message to subscribers.
    ///
    /// - Returns: the mailboxes that were full.
    private func deliver(
        _ publication: BrokerPublication,
        to subscribers: [Subscriber],
        _ state: inout State
    ) -> [HeldBack] {
        guard !asks.contains(.deliveries) || options.mode == .stepped else {
            return deliverAsAllowed(publication, to: subscribers, &state)
        }
        var heldBack: [HeldBack] = []
        var sessions: [Recipient] = []
        for subscriber in subscribers {
            let isRetained = publication.retain && subscriber.retainAsPublished
            if options.mode == .stepped {
                state.held.append(.publication(publication, isRetained: isRetained, to: subscriber))
            } else if subscriber.isSession {
                sessions.append(subscriber.recipient)
            } else if let full = deliver(publication, isRetained: isRetained, to: subscriber, &state) {
                heldBack.append(full)
            }
        }
        if !sessions.isEmpty { deliver(publication, to: sessions, &state) }
        return heldBack
    }

    /// Sends a message to a queue; and to sessions that subscribe to the topic of its name, for on MQTT the two are one.
    ///
    /// - Returns: the number under which it waits for room; `nil`: it is in the queue.
    /// - Throws: what the core throws if the queue does not take it.
    func send(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions,
        publisher: Int?,
        _ state: inout State
    ) throws -> UInt64? {
        let now = timers.now
        let sessions = state.core.sessions(subscribedTo: queue)
        var (options, sender): (SendOptions, UInt64?) = (options, nil)
        if options.requiresConsumer, sessions.contains(where: state.core.awaits) { options.requiresConsumer = false }
        // One that nobody consumes, while clients subscribe to its topic, would never be emptied.
        if state.core.hasQueue(queue) || !sessions.contains(where: \.knowsTopic) {
            sender = try state.core.send(message, to: queue, options, now: now)
        }
        if !sessions.isEmpty {
            let publication = BrokerPublication(
                message,
                to: TopicName(queue),
                retain: false,
                guarantee: options.guarantee,
                expiresAt: options.expiry.map { now + $0.capped },
                publisher: publisher
            )
            _ = deliver(publication, to: sessions, &state)
        }
        return sender
    }

    /// Has somebody wait for room for a message that a queue did not take yet.
    func holdBack(_ sender: UInt64, from queue: QueueName, _ state: inout State) -> HeldBack {
        state.senders.park(queue, as: sender)
        return HeldBack(place: .queue(queue, self), id: sender)
    }

    /// Sends a reply: to the client that hears its address, or to the subscribers of the topic that it is on MQTT.
    ///
    /// - Returns: whether there is one.
    func reply(_ message: Message, to address: String, publisher: Int?, _ state: inout State) -> Bool {
        guard !ReplyAddresses.isReserved(address) else { return state.core.reply(message, to: address) }
        // Peers that write an address with dots listen with slashes.
        let isMQTT = address.utf8.contains(UInt8(ascii: "/"))
        let topic = isMQTT ? TopicName(mqtt: address) : TopicName(address)
        guard !address.isEmpty, topic.name.isValid else {
            state.core.countUndeliverableReply()
            return false
        }
        let publication = BrokerPublication(message, to: topic, retain: false, publisher: publisher, isReply: true)
        let outcome: (subscribers: Int, heldBack: [HeldBack])? = try? distribute(publication, &state)
        // No task waits with it.
        guard let outcome, outcome.subscribers > 0 else {
            state.core.countUndeliverableReply()
            return false
        }
        return true
    }

    /// Has the handler rule on a request.
    ///
    /// - Returns: the request, or what the handler has made of it.
    /// - Throws: ``MessagingError/Code/refused``.
    func ruled<Request: Sendable>(
        _ request: Request,
        _ state: inout State,
        by rule: (inout State) -> BrokerRuling<Request>?
    ) throws -> Request {
        switch rule(&state) {
        case .accept, nil: return request
        case .change(let changed): return changed
        case .refuse(let reason):
            perform(&state)
            throw state.refusal(reason)
        }
    }

    // MARK: Interests

    /// - Returns: what it is subscribed to, since the handler may have changed it, and the subscription's number.
    func subscribe(
        _ client: BrokerClient,
        to pattern: TopicPattern,
        _ options: SubscribeOptions,
        _ mailbox: Mailbox<Delivery>
    ) throws -> (TopicPattern, Recipient) {
        try locked { state in
            try state.core.checkOnline(client.id)
            let pattern = try ruled(pattern, &state) {
                $0.handler?.subscribes(to: pattern, client, actions: &$0.actions)
            }
            defer { perform(&state) }
            try pattern.validate()
            let recipient = Recipient(client: client.id, number: state.mailboxes.insert(mailbox))
            state.core.subscribe(recipient, to: pattern, options, now: timers.now)
            return (pattern, recipient)
        }
    }

    func unsubscribe(_ recipient: Recipient) {
        let mailbox = locked { state in
            unsubscribe(recipient, &state)
            perform(&state)
            return state.mailboxes.remove(recipient.number)
        }
        withExtendedLifetime(mailbox) {}
    }

    /// - Returns: what it consumes, since the handler may have changed it, and the consumer's number.
    func consume(
        _ client: BrokerClient,
        from queue: QueueName,
        _ options: ConsumeOptions,
        _ mailbox: Mailbox<Delivery>
    ) throws -> (QueueName, Recipient) {
        try locked { state in
            try state.core.checkOnline(client.id)
            let queue = try ruled(queue, &state) {
                $0.handler?.consumes(from: queue, client, actions: &$0.actions)
            }
            defer { perform(&state) }
            try queue.validate()
            let recipient = Recipient(client: client.id, number: state.mailboxes.insert(mailbox))
            do {
                try state.core.consume(recipient, from: queue, prefetch: options.prefetch, now: timers.now)
            } catch {
                _ = state.mailboxes.remove(recipient.number)
                throw error
            }
            return (queue, recipient)
        }
    }

    func stopConsuming(_ recipient: Recipient) {
        let mailbox = locked { state in
            state.core.stopConsuming(recipient)
            return state.mailboxes.remove(recipient.number)
        }
        withExtendedLifetime(mailbox) {}
    }

    /// - Returns: the address that the client hears from now on, and all below it.
    func hearReplies(_ client: BrokerClient) throws -> String {
        let address = ReplyAddresses.make(options.random)
        return try locked { state in
            try state.core.checkOnline(client.id)
            return state.core.hearReplies(client.id, at: address)
        }
    }

    func settle(_ tag: UInt64, of client: BrokerClient, as disposition: Disposition) throws {
        try locked { state in
            guard let delivery = state.core.delivery(tag) else {
                throw MessagingError(
                    .connectionLost,
                    "the link over which this delivery came was lost; the broker delivers it again"
                )
            }
            settle(tag, delivery, of: client, as: disposition, &state)
            perform(&state)
        }
    }

    /// Settles a delivery as the handler says.
    func settle(
        _ tag: UInt64,
        _ delivery: BrokerQueues.Unsettled,
        of client: BrokerClient,
        as disposition: Disposition,
        _ state: inout State
    ) {
        var disposition = disposition
        let (message, queue) = (delivery.queued.readable, delivery.queue)
        let ruling = state.handler?.settles(message, from: queue, as: disposition, client, actions: &state.actions)
        if case .change(let changed) = ruling { disposition = changed }
        state.core.settle(tag, as: disposition, now: timers.now)
    }

    /// Whether a delivery is still with the consumer that it went to.
    func isHeld(_ tag: UInt64) -> Bool { locked { $0.core.delivery(tag) != nil } }

    // MARK: The link itself

    /// The client leaves for good, and its subscriptions end.
    func disconnect(_ link: MemoryLink) {
        locked { state in
            link.isOnline = false
            state.links[link.client.id] = nil
            state.core.disconnect(link.client.id, now: timers.now)
            perform(&state)
        }
    }

    func cut(_ link: MemoryLink) {
        locked { state in
            link.isOnline = false
            state.core.cut(link.client.id, now: timers.now)
            perform(&state)
        }
    }

    /// - Returns: whether the client is back: it had been cut, and the handler lets it in.
    func restore(_ link: MemoryLink) -> Bool {
        let client = link.client
        return locked { state in
            guard state.core.isCut(client.id) else { return false }
            if case .refuse = state.handler?.connects(client, actions: &state.actions) {
                perform(&state)
                return false
            }
            link.isOnline = true
            state.core.restore(client.id, now: timers.now)
            perform(&state)
            return true
        }
    }

    // MARK: Waiting for room

    /// Takes back a message that waits for room in its queue; its sender gets the error.
    ///
    /// - Returns: whether it still waited.
    @discardableResult
    func withdraw(_ sender: UInt64, from queue: QueueName, throwing error: any Error) -> Bool {
        let withdrawn = locked { state in
            let withdrawn = state.senders.remove(id: sender)
            if withdrawn != nil { takeBack(sender, from: queue, &state) }
            return withdrawn
        }
        withdrawn?.continuation?.resume(throwing: error)
        return withdrawn != nil
    }

    /// Waits until a message that found its queue full is let in.
    func waitUntilAdmitted(
        _ sender: UInt64,
        to queue: QueueName,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try await WaitingRoom<QueueName>.wait(for: sender) { body in
            self.locked { state in
                let waited = state.senders.contains(id: sender)
                body(&state.senders)
                // Whoever waits no longer takes the message with it.
                if waited, !state.senders.contains(id: sender) { self.takeBack(sender, from: queue, &state) }
            }
        }
    }

    private func takeBack(_ sender: UInt64, from queue: QueueName, _ state: inout State) {
        _ = state.core.withdraw(sender, from: queue)
        perform(&state)
    }
}

extension MemoryBroker.State {
    mutating func refusal(_ reason: String) -> MessagingError {
        core.countRefusal()
        return MessagingError(.refused, "the broker refused: \(reason)")
    }
}
