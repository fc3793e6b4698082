/// What a host of sessions asks of its broker, each time under the broker's lock.
extension MemoryBroker {
    /// What came of a session's message.
    package enum Published: Sendable {
        /// So many subscriptions got it.
        case delivered(Int)
        /// It waits outside places that are full. Until they have taken it, no more should be published.
        case heldBack([HeldBack])
        /// The broker's handler does not want it.
        case refused
        /// The broker keeps no more messages, or its queue is full.
        case full
        /// The topic that the handler gave it is none.
        case invalid
    }

    /// The time by the broker's clock.
    package var now: Duration { timers.now }

    /// Has something done at a time by the broker's clock. It is to be short.
    package func schedule(at time: Duration, _ action: @escaping @Sendable () -> Void) {
        timers.schedule(at: time, action)
    }

    /// How late something is that was to be done at a time; see ``Timeline/delay(since:)``.
    package func delay(since time: Duration) -> Duration { timers.delay(since: time) }

    /// Returns after a time by the broker's clock.
    ///
    /// - Throws: `CancellationError`.
    package func sleep(for duration: Duration) async throws { try await timers.sleep(for: duration) }

    /// Acts on the broker under its lock.
    package func enter<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        locked { state in
            let result = body(&state)
            perform(&state)
            return result
        }
    }

    /// Takes a host of sessions. A broker has one at a time.
    ///
    /// - Throws: ``MessagingError/Code/alreadyRunning`` if it has one.
    package func attach(_ host: any SessionHost) throws {
        try locked { state in
            guard state.host == nil else {
                throw MessagingError(.alreadyRunning, "this broker has a server, and a server may have many listeners")
            }
            state.host = host
        }
    }

    package func detachHost() {
        locked { state in
            state.host = nil
            state.core.recordChanges(false)
        }
    }

    /// A client on a network, under a number that no other has or had.
    package func client(
        name: String,
        user: String?,
        address: String,
        listener: String,
        certificateSubject: String?,
        protocolVersion: String?,
        _ state: inout State
    ) -> BrokerClient {
        BrokerClient(
            id: state.core.makeID(),
            name: name,
            user: user,
            address: address,
            listener: listener,
            certificateSubject: certificateSubject,
            protocolVersion: protocolVersion
        )
    }

    /// Asks the broker's handler whether a client may connect.
    package func admits(_ client: BrokerClient, _ state: inout State) -> Bool {
        guard case .refuse = state.handler?.connects(client, actions: &state.actions) else { return true }
        state.core.countRefusal()
        return false
    }

    /// A client has been let in to a session of a number: its own, if the session is new.
    ///
    /// - Parameter prefetch: how many deliveries of a queue it takes at a time.
    package func enterSession(_ number: Int, _ client: BrokerClient, prefetch: Int, _ state: inout State) {
        state.core.enter(number, client, prefetch: prefetch, now: timers.now)
    }

    package func leaveSession(_ number: Int, inOrder: Bool, _ state: inout State) {
        state.core.leave(number, inOrder: inOrder)
        perform(&state)
    }

    package func endSession(_ number: Int, _ state: inout State) {
        state.core.end(number, now: timers.now)
        perform(&state)
    }

    /// Asks the broker's handler about a subscription.
    ///
    /// - Returns: what is subscribed to.
    package func ruling(
        on pattern: TopicPattern,
        _ client: BrokerClient,
        _ state: inout State
    ) -> Result<TopicPattern, any Error> {
        Result {
            let ruled = try ruled(pattern, &state) {
                $0.handler?.subscribes(to: pattern, client, actions: &$0.actions)
            }
            try ruled.validate()
            return ruled
        }
    }

    package func subscribeSession(
        _ recipient: Recipient,
        to pattern: TopicPattern,
        group: String?,
        _ state: inout State
    ) {
        state.core.subscribe(recipient, to: pattern, SubscribeOptions(retained: false, group: group), now: timers.now)
    }

    /// How many topics have a message that is kept.
    package var keptCount: Int { locked { $0.core.keptCount } }

    package func keptTopics(of pattern: TopicPattern, _ state: inout State) -> [TopicName] {
        state.core.keptTopics(of: pattern)
    }

    package func keptMessage(for topic: TopicName, now: Duration, _ state: inout State) -> BrokerPublication? {
        state.core.keptMessage(for: topic, now: now)
    }

    /// All messages that are kept, in no particular order.
    package func keptMessages(_ state: inout State) -> [BrokerPublication] { state.core.keptMessages }

    // MARK: What outlives the process

    /// Tells the host from now on what changes of what the broker keeps.
    package func recordChanges(_ state: inout State) { state.core.recordChanges(true) }

    /// Keeps a message that was kept before, unless there is a newer one.
    ///
    /// - Returns: whether it is kept.
    package func restore(_ publication: BrokerPublication, now: Duration, _ state: inout State) -> Bool {
        state.core.restore(publication, now: now)
    }

    /// A session is there again whose client is not.
    package func restoreSession(_ number: Int, _ client: BrokerClient, _ state: inout State) {
        state.core.restore(number, client)
    }

    /// What is in queues.
    package func queueContents(_ state: inout State) -> QueueContents { state.core.queueContents }

    /// Whether there is a queue of a topic's name.
    package func hasQueue(of topic: TopicName, _ state: inout State) -> Bool { state.core.hasQueue(QueueName(topic)) }

    /// Has messages be in a queue again that were in that of an earlier process, in their order, before all that it has.
    ///
    /// - Parameter holders: who has those in hand that somebody has, by the tags of their deliveries.
    package func restore(
        _ messages: [QueuedMessage],
        in queue: QueueName,
        holders: [UInt64: Recipient],
        now: Duration,
        _ state: inout State
    ) {
        state.core.restore(messages, in: queue, holders: holders, now: now)
    }

    /// Forgets what waits in queues, and what sessions have in hand of them, since somebody else keeps it.
    package func forgetQueued(_ state: inout State) { state.core.forgetQueued() }

    /// Hands what has changed to the host.
    package func record(_ state: inout State) {
        let changes = state.core.takeChanges()
        guard !changes.isEmpty else { return }
        guard let host = state.host else { return }
        host.record(changes)
        state.aftermath.host = host
    }

    // MARK: Messages

    /// Publishes a message of a session's client, if the broker's handler lets it.
    package func publish(
        _ publication: BrokerPublication,
        from client: BrokerClient,
        _ state: inout State
    ) -> Published {
        var publication = publication
        if state.handler != nil {
            let asked = BrokerDispatch(publication.message, to: .topic(publication.topic, retain: publication.retain))
            let ruling = state.handler?.dispatches(asked, from: client, actions: &state.actions)
            // What the handler adds goes out after what it was asked about.
            defer { perform(&state) }
            switch ruling {
            case .accept, nil: break
            case .refuse:
                state.core.countRefusal()
                return .refused
            case .change(let dispatch):
                guard case .topic(let topic, let retain) = dispatch.destination else {
                    return send(dispatch, publication, &state)
                }
                guard topic.name.isValid else { return .invalid }
                publication = BrokerPublication(
                    dispatch.message,
                    to: topic,
                    retain: retain,
                    guarantee: publication.guarantee,
                    expiresAt: publication.expiresAt,
                    publisher: publication.publisher
                )
            }
            return distribute(publication, &state)
        }
        return distribute(publication, &state)
    }

    /// Publishes a message of the host's own: the broker's handler is not asked, and it is not counted. A subscription of this
    /// process that is full does not get it.
    package func announce(_ publication: BrokerPublication, _ state: inout State) {
        let published = state.core.statistics.published
        let outcome: Published = distribute(publication, &state)
        state.core.countPublished(as: published)
        if case .heldBack(let messages) = outcome { withdraw(messages, &state) }
    }

    /// Publishes a message: to its topic's subscribers, and to the queue of its topic's name, if there is one. It is kept, and the
    /// queue and the subscribers get it, or nothing of that is done.
    private func distribute(_ publication: BrokerPublication, _ state: inout State) -> Published {
        do {
            try state.core.checkRoom(for: publication)
            let queue = QueueName(publication.topic)
            guard publication.publisher != nil, state.core.hasQueue(queue) else {
                let (subscribers, heldBack): (Int, [HeldBack]) = try distribute(publication, &state)
                return heldBack.isEmpty ? .delivered(subscribers) : .heldBack(heldBack)
            }
            let options = publication.sendOptions(now: timers.now)
            let sender = try state.core.send(
                publication.message,
                to: queue,
                options,
                origin: publication.origin,
                now: timers.now
            )
            record(&state)
            var (subscribers, heldBack): (Int, [HeldBack]) = try distribute(publication, &state)
            if let sender { heldBack.append(holdBack(sender, from: queue, &state)) }
            subscribers += 1
            return heldBack.isEmpty ? .delivered(subscribers) : .heldBack(heldBack)
        } catch {
            return .full
        }
    }

    /// Sends a message to where the handler wants it instead.
    private func send(
        _ dispatch: BrokerDispatch,
        _ publication: BrokerPublication,
        _ state: inout State
    ) -> Published {
        let publisher = publication.publisher
        switch dispatch.destination {
        case .topic: return .invalid
        case .reply(let address):
            return .delivered(reply(dispatch.message, to: address, publisher: publisher, &state) ? 1 : 0)
        case .queue(let queue):
            guard queue.name.isValid else { return .invalid }
            do {
                let options = publication.sendOptions(now: timers.now)
                let sender = try send(dispatch.message, to: queue, options, publisher: publisher, &state)
                record(&state)
                return sender.map { .heldBack([holdBack($0, from: queue, &state)]) } ?? .delivered(1)
            } catch {
                // Its queue is full, or there are too many.
                return .full
            }
        }
    }

    /// Sends a reply of a session's client to an address of ``ReplyAddresses``, if the broker's handler lets it.
    package func reply(
        _ message: Message,
        to address: String,
        from client: BrokerClient,
        _ state: inout State
    ) -> Published {
        let asked = BrokerDispatch(message, to: .reply(address))
        let ruling = state.handler?.dispatches(asked, from: client, actions: &state.actions)
        defer { perform(&state) }
        switch ruling {
        case .refuse:
            state.core.countRefusal()
            return .refused
        case .accept, nil:
            return .delivered(state.core.reply(message, to: address) ? 1 : 0)
        case .change(let dispatch):
            if case .topic(let topic, let retain) = dispatch.destination {
                guard topic.name.isValid else { return .invalid }
                return distribute(
                    BrokerPublication(dispatch.message, to: topic, retain: retain, publisher: client.id),
                    &state
                )
            }
            let reply = BrokerPublication(message, to: TopicName(mqtt: address), retain: false, publisher: client.id)
            return send(dispatch, reply, &state)
        }
    }

    /// Hands a message to sessions.
    func deliver(_ publication: BrokerPublication, to recipients: [Recipient], _ state: inout State) {
        guard let host = state.host else { return }
        host.deliver(publication, to: recipients)
        state.aftermath.host = host
    }
}
