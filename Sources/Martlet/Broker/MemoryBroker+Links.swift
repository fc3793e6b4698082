import Synchronization

extension MemoryBroker {
    /// What came of a publish or a send.
    enum Outcome {
        case done
        case offline
        /// These mailboxes were full, and the message waits outside.
        case heldBack([(Mailbox<Delivery>, UInt64)])
        /// The queue is full, and the message waits outside.
        case parked(UInt64, QueueName)
    }

    func dispatch(
        _ dispatch: BrokerDispatch,
        from client: BrokerClient,
        _ options: SendOptions
    ) throws -> Outcome {
        try locked { state in
            guard state.isOnline(client) else { return .offline }
            var dispatch = dispatch
            switch state.handler.dispatches(dispatch, from: client, actions: &state.actions) {
            case .accept: break
            case .change(let changed): dispatch = changed
            case .refuse(let reason):
                perform(&state)
                throw state.refusal(reason)
            }
            defer { state.actions.dispatches.removeAll() }
            let now = timers.now
            var outcome = Outcome.done
            switch dispatch.destination {
            case .topic(let topic, let retain):
                if retain, state.core.exceedsRetained(topic) {
                    throw MessagingError(
                        .refused,
                        "the broker retains \(self.options.retainedTopics) topics and takes no more"
                    )
                }
                state.core.publish(dispatch.message, to: topic, retain: retain, expiry: options.expiry, now: now)
            case .queue(let queue):
                switch try state.core.send(dispatch.message, to: queue, options, now: now) {
                case .admitted: break
                case .parked(let id): outcome = .parked(id, queue)
                case .full:
                    throw MessagingError(.queueFull, "queue \(queue) is full, and its rule is to refuse")
                }
            case .reply(let address):
                guard state.core.reply(dispatch.message, to: address) else {
                    throw MessagingError(.noResponder, "nobody hears \(quoted(address)) any more")
                }
            }
            let heldBack = perform(&state)
            if !heldBack.isEmpty { outcome = .heldBack(heldBack) }
            return outcome
        }
    }

    func subscribe(
        _ client: BrokerClient,
        to pattern: TopicPattern,
        _ options: SubscribeOptions,
        _ mailbox: Mailbox<Delivery>
    ) throws {
        try locked { state in
            try state.checkOnline(client)
            var pattern = pattern
            switch state.handler.subscribes(to: pattern, client, actions: &state.actions) {
            case .accept: break
            case .change(let changed): pattern = changed
            case .refuse(let reason):
                perform(&state)
                throw state.refusal(reason)
            }
            try pattern.validate()
            state.core.subscribe(client.id, to: pattern, options, mailbox, now: timers.now)
            perform(&state)
        }
    }

    func unsubscribe(_ client: BrokerClient, _ mailbox: Mailbox<Delivery>) {
        state.withLock { $0.core.unsubscribe(client.id, mailbox) }
    }

    func consume(_ client: BrokerClient, from queue: QueueName, _ options: ConsumeOptions, _ mailbox: Mailbox<Delivery>)
        throws
    {
        try locked { state in
            try state.checkOnline(client)
            var queue = queue
            switch state.handler.consumes(from: queue, client, actions: &state.actions) {
            case .accept: break
            case .change(let changed): queue = changed
            case .refuse(let reason):
                perform(&state)
                throw state.refusal(reason)
            }
            try queue.validate()
            try state.core.makeRoomForQueue(queue)
            state.core.consume(client.id, from: queue, options, mailbox, now: timers.now)
            perform(&state)
        }
    }

    func stopConsuming(_ client: BrokerClient, _ mailbox: Mailbox<Delivery>) {
        state.withLock { $0.core.stopConsuming(client.id, mailbox) }
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
            let ruling = state.handler.settles(
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

    func disconnect(_ client: BrokerClient) {
        let mailboxes = locked { state in
            let mailboxes = state.core.disconnect(client.id, now: timers.now)
            state.links[client.id] = nil
            state.handler.disconnects(client, inOrder: true, actions: &state.actions)
            perform(&state)
            return mailboxes
        }
        for mailbox in mailboxes { mailbox.finish() }
    }

    func cut(_ client: BrokerClient) {
        locked { state in
            guard state.isOnline(client) else { return }
            state.core.cut(client.id, now: timers.now)
            state.handler.disconnects(client, inOrder: false, actions: &state.actions)
            state.held.removeAll { $0.client == client.id }
            perform(&state)
        }
    }

    /// Whether the broker's handler let the client back in.
    func restore(_ client: BrokerClient) -> Bool {
        locked { state in
            if case .refuse = state.handler.connects(client, actions: &state.actions) { return false }
            state.core.restore(client.id, now: timers.now)
            perform(&state)
            return true
        }
    }

    /// Takes back a message that waits for room in its queue; its sender gets the error.
    ///
    /// - Returns: whether it still waited.
    func withdraw(_ id: UInt64, from queue: QueueName, throwing error: any Error) -> Bool {
        let withdrawn = state.withLock { $0.core.withdraw(id, from: queue) }
        withdrawn?.continuation?.resume(throwing: error)
        return withdrawn != nil
    }

    /// Waits until a message that found its queue full is let in.
    func waitUntilAdmitted(_ id: UInt64, to queue: QueueName) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waits = state.withLock { state in
                    if Task.isCancelled, state.core.withdraw(id, from: queue) != nil { return false }
                    return state.core.attach(continuation, to: id, of: queue)
                }
                guard !waits else { return }
                continuation.resume(with: Result { try Task.checkCancellation() })
            }
        } onCancel: {
            let withdrawn = state.withLock { $0.core.withdraw(id, from: queue) }
            withdrawn?.continuation?.resume(throwing: CancellationError())
        }
    }
}
