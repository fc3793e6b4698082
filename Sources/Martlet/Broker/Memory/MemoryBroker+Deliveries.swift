/// What the broker's handler has to say of single deliveries, if it asks for them. Under the broker's lock.
extension MemoryBroker {
    /// What a client gets of a message; `nil`: nothing.
    func allowed(
        _ message: Message,
        _ destination: BrokerDispatch.Destination,
        to client: Int,
        _ state: inout State
    ) -> Message? {
        guard asks.contains(.deliveries), let identity = state.core.identity(of: client) else { return message }
        switch state.handler?.delivers(BrokerDispatch(message, to: destination), to: identity) {
        case .accept, nil: return message
        case .change(let changed): return changed.message
        case .refuse:
            state.core.countRefusal()
            return nil
        }
    }

    /// What a client gets of what is published, as ``allowed(_:_:to:_:)``.
    func allowed(
        _ publication: BrokerPublication,
        _ destination: BrokerDispatch.Destination,
        to client: Int,
        _ state: inout State
    ) -> BrokerPublication? {
        guard asks.contains(.deliveries) else { return publication }
        let message = publication.message
        guard let allowed = allowed(message, destination, to: client, &state) else { return nil }
        return allowed == message ? publication : publication.with(allowed)
    }

    /// What a session's client gets of a message that is kept; `nil`: nothing.
    package func allowedKept(
        _ publication: BrokerPublication,
        to client: Int,
        _ state: inout State
    ) -> BrokerPublication? {
        allowed(publication, .topic(publication.topic, retain: true), to: client, &state)
    }

    /// Delivers a message to subscribers, each as far as the handler lets it. A client is asked about once, however many of its
    /// subscriptions match.
    ///
    /// - Returns: the mailboxes that were full.
    func deliverAsAllowed(
        _ publication: BrokerPublication,
        to subscribers: [Subscriber],
        _ state: inout State
    ) -> [HeldBack] {
        let destination = BrokerDispatch.Destination.topic(publication.topic, retain: publication.retain)
        var answers: [Int: BrokerPublication?] = [:]
        var order: [Int] = []
        for subscriber in subscribers where answers[subscriber.recipient.client] == nil {
            let client = subscriber.recipient.client
            answers[client] = allowed(publication, destination, to: client, &state)
            order.append(client)
        }
        var heldBack: [HeldBack] = []
        for client in order {
            guard let publication = answers[client] ?? nil else { continue }
            let own = subscribers.filter { $0.recipient.client == client }
            for subscriber in own where !subscriber.isSession {
                let isRetained = publication.retain && subscriber.retainAsPublished
                let full = deliver(publication, isRetained: isRetained, to: subscriber, &state)
                if let full { heldBack.append(full) }
            }
            let sessions = own.filter(\.isSession).map(\.recipient)
            if !sessions.isEmpty { deliver(publication, to: sessions, &state) }
        }
        return heldBack
    }

    /// Ends a subscription, and tells the handler if it asks for that.
    func unsubscribe(_ recipient: Recipient, _ state: inout State) {
        guard let (pattern, client) = state.core.unsubscribe(recipient), asks.contains(.unsubscribes) else { return }
        state.handler?.unsubscribes(from: pattern, client, actions: &state.actions)
    }
}

extension BrokerPublication {
    /// The same with another message.
    fileprivate func with(_ message: Message) -> BrokerPublication {
        var other = BrokerPublication(
            message,
            to: topic,
            retain: retain,
            guarantee: guarantee,
            expiresAt: expiresAt,
            publisher: publisher,
            isReply: isReply
        )
        other.redeliveries = redeliveries
        return other
    }
}
