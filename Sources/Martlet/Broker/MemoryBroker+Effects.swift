import Synchronization

extension MemoryBroker {
    /// Delivers what the core and the handler want delivered, or holds it back in stepped mode.
    ///
    /// Done under the lock, so that all subscribers see the messages of a topic in one order; a mailbox takes a
    /// message in some 20 ns and never waits.
    @discardableResult
    func perform(_ state: inout State) -> [HeldBack] {
        let actions = state.actions.dispatches
        if !actions.isEmpty {
            state.actions.dispatches.removeAll()
            for action in actions { act(action, &state) }
        }
        if let expiry = state.core.nextExpiry.take() { scheduleSweep(at: expiry, &state) }
        if options.mode == .stepped {
            state.held += state.core.effects
            state.core.effects.removeAll(keepingCapacity: true)
            return []
        }
        var heldBack: [HeldBack] = []
        for effect in state.core.effects {
            if let parked = deliver(effect, state.links, &state.aftermath) { heldBack.append(parked) }
        }
        state.core.effects.removeAll(keepingCapacity: true)
        return heldBack
    }

    private func act(_ action: BrokerDispatch, _ state: inout State) {
        let now = timers.now
        switch action.destination {
        case .topic(let topic, let retain):
            guard topic.name.isValid, !(retain && state.core.exceedsRetained(topic)) else { break }
            state.core.publish(action.message, to: topic, retain: retain)
            return
        case .queue(let queue):
            guard queue.name.isValid else { break }
            switch try? state.core.send(action.message, to: queue, SendOptions(), now: now) {
            case .admitted: return
            case .parked(let id): _ = state.core.withdraw(id, from: queue)
            case .full, nil: break
            }
        case .reply(let address):
            if state.core.reply(action.message, to: address) { return }
        }
        state.core.statistics.droppedActions += 1
    }

    /// - Parameter aftermath: what is left for when the broker is unlocked.
    /// - Returns: the mailbox that was full, with the message that waits outside it.
    func deliver(
        _ effect: BrokerEffect,
        _ links: [Int: Weak],
        _ aftermath: inout BrokerAftermath
    ) -> HeldBack? {
        let mailbox: Mailbox<Delivery>
        let delivery: Delivery
        switch effect {
        case .publication(let message, let topic, let isRetained, let target, _):
            mailbox = target
            delivery = Delivery(topic: topic, message: message, isRetained: isRetained)
        case .assignment(let queued, let tag, _, let target, let client):
            guard let link = links[client]?.link else { return nil }
            mailbox = target
            let settlement = Settlement(tag, by: link)
            aftermath.settlements.append(settlement)
            delivery = Delivery(
                topic: nil,
                message: queued.message,
                redeliveries: queued.deliveries - 1,
                settlement: settlement
            )
        case .reply(let message, let address, let client):
            guard let link = links[client]?.link else { return nil }
            link.take(message, at: address)
            aftermath.links.append(link)
            return nil
        }
        let (offer, reader) = mailbox.offerWithoutWaking(delivery, topic: delivery.topic)
        if let reader { aftermath.readers.append(reader) }
        if case .parked(let id) = offer { return HeldBack(mailbox: mailbox, id: id) }
        return nil
    }

    // MARK: Expiry

    /// Has expired messages taken out soon after a time: at most ten times a second, since that looks at all queues.
    func scheduleSweep(at time: Duration, _ state: inout State) {
        let time = max(time, timers.now + .milliseconds(100))
        if let sweepsAt = state.sweepsAt, sweepsAt <= time { return }
        state.sweepsAt = time
        timers.schedule(at: time) { [weak self] in self?.sweep(time) }
    }

    private func sweep(_ time: Duration) {
        let senders = locked { state in
            if state.sweepsAt == time { state.sweepsAt = nil }
            let (next, senders) = state.core.expire(at: timers.now)
            if let next { scheduleSweep(at: next, &state) }
            perform(&state)
            return senders
        }
        for sender in senders {
            sender.resume(throwing: MessagingError(.timeout, "the message expired before its queue had room"))
        }
    }
}

extension MemoryBroker.State {
    func isOnline(_ client: BrokerClient) -> Bool {
        core.clients[client.id]?.isOnline ?? false
    }

    func checkOnline(_ client: BrokerClient) throws {
        guard let record = core.clients[client.id] else { throw MessagingError.closed }
        guard record.isOnline else { throw MessagingError.offline }
    }

    mutating func refusal(_ reason: String) -> MessagingError {
        core.statistics.refused += 1
        return MessagingError(.refused, "the broker refused: \(reason)")
    }
}
