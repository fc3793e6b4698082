import Synchronization

extension MemoryBroker {
    /// Does what the core and the handler want done.
    ///
    /// Done under the lock, so that all subscribers see the messages of a topic in one order; a mailbox takes a
    /// message in some 20 ns and never waits.
    func perform(_ state: inout State) {
        while true {
            record(&state)
            if !state.core.effects.isEmpty {
                // Exchanged, so that neither list gives up its storage.
                swap(&state.performing, &state.core.effects)
                for effect in state.performing { perform(effect, &state) }
                state.performing.removeAll(keepingCapacity: true)
            } else if !state.actions.dispatches.isEmpty {
                let actions = state.actions.dispatches
                state.actions.dispatches.removeAll()
                for action in actions { act(action, &state) }
            } else {
                break
            }
        }
        scheduleSweep(&state)
    }

    private func perform(_ effect: BrokerEffect, _ state: inout State) {
        switch effect {
        case .deliver(let delivery):
            if options.mode == .stepped {
                state.held.append(delivery)
            } else {
                deliver(delivery, &state)
            }
        case .admit(let sender):
            guard let continuation = state.senders.remove(id: sender)?.continuation else { break }
            state.aftermath.senders.append(.init(continuation: continuation, result: .success(())))
        case .expire(let sender):
            let expiry = MessagingError(.timeout, "the message expired before its queue had room")
            guard let continuation = state.senders.fail(id: sender, expiry)?.continuation else { break }
            state.aftermath.senders.append(.init(continuation: continuation, result: .failure(expiry)))
        case .end(let number):
            if let mailbox = state.mailboxes.remove(number) { state.aftermath.ended.append(mailbox) }
        case .tellGone(let client, let inOrder):
            state.handler?.disconnects(client, inOrder: inOrder, actions: &state.actions)
            state.held.removeAll { $0.client == client.id }
        }
    }

    /// Passes on a message of the handler. No task waits with it.
    private func act(_ action: BrokerDispatch, _ state: inout State) {
        switch action.destination {
        case .topic(let topic, let retain):
            guard topic.name.isValid else { break }
            let publication = BrokerPublication(action.message, to: topic, retain: retain)
            if (try? state.core.announce(publication)) != nil { return }
        case .queue(let queue):
            guard queue.name.isValid else { break }
            do {
                guard let sender = try state.core.send(action.message, to: queue, SendOptions(), now: timers.now) else {
                    return
                }
                _ = state.core.withdraw(sender, from: queue)
            } catch {
                // Counted below.
            }
        case .reply(let address):
            if state.core.reply(action.message, to: address) { return }
        }
        state.core.countDroppedAction()
    }

    // MARK: Deliveries

    func deliver(_ delivery: BrokerDelivery, _ state: inout State) {
        switch delivery {
        case .publication(let publication, let isRetained, let subscriber):
            guard !subscriber.isSession else {
                deliver(publication, to: [subscriber.recipient], &state)
                break
            }
            // Where its mailbox is full the message waits outside it, and no task waits with it.
            _ = deliver(publication, isRetained: isRetained, to: subscriber, &state)
        case .assignment(let queued, let tag, _, let recipient):
            guard let link = state.links[recipient.client]?.link else { break }
            let settlement = Settlement(tag, by: link)
            state.aftermath.settlements.append(settlement)
            // Without a mailbox, since the consumer has left meanwhile, it is dropped and so goes back to its queue.
            guard let mailbox = state.mailboxes[recipient.number] else { break }
            let delivery = Delivery(
                topic: nil,
                message: queued.message,
                redeliveries: queued.deliveries - 1,
                settlement: settlement
            )
            let reader = mailbox.offerWithoutWaking(delivery, topic: delivery.topic).reader
            if let reader { state.aftermath.readers.append(reader) }
        case .reply(let message, let address, let client):
            guard let link = state.links[client]?.link else { break }
            link.take(message, at: address)
            state.aftermath.links.append(link)
        }
    }

    /// Delivers a published message to one subscriber.
    ///
    /// - Returns: the mailbox that was full, with the message that waits outside it.
    func deliver(
        _ publication: BrokerPublication,
        isRetained: Bool,
        to subscriber: Subscriber,
        _ state: inout State
    ) -> HeldBack? {
        guard let mailbox = state.mailboxes[subscriber.recipient.number] else { return nil }
        let told = subscriber.knowsTopic ? nil : publication.topic
        let delivery = Delivery(topic: told, message: publication.readable, isRetained: isRetained)
        let (offer, reader, _) = mailbox.offerWithoutWaking(delivery, topic: publication.topic)
        if let reader { state.aftermath.readers.append(reader) }
        if case .parked(let id) = offer { return HeldBack(mailbox: mailbox, id: id) }
        return nil
    }

    // MARK: Expiry

    /// Has expired messages taken out soon after the core's next deadline: at most ten times a second.
    private func scheduleSweep(_ state: inout State) {
        guard let deadline = state.core.nextDeadline else { return }
        if let sweepsAt = state.sweepsAt, sweepsAt <= deadline { return }
        let time = max(deadline, timers.now + .milliseconds(100))
        if let sweepsAt = state.sweepsAt, sweepsAt <= time { return }
        state.sweepsAt = time
        timers.schedule(at: time) { [weak self] in self?.sweep(time) }
    }

    private func sweep(_ time: Duration) {
        locked { state in
            if state.sweepsAt == time { state.sweepsAt = nil }
            state.core.expire(at: timers.now)
            perform(&state)
        }
    }
}
