/// Queues that sessions consume: what their host asks of the broker, each time under the broker's lock, and is given.
extension MemoryBroker {
    /// Asks the broker's handler about a consumer.
    ///
    /// - Returns: the queue that is consumed.
    package func ruling(
        on queue: QueueName,
        _ client: BrokerClient,
        _ state: inout State
    ) -> Result<QueueName, any Error> {
        Result {
            let ruled = try ruled(queue, &state) {
                $0.handler?.consumes(from: queue, client, actions: &$0.actions)
            }
            try ruled.validate()
            return ruled
        }
    }

    /// Has a session consume a queue whenever its client is there.
    ///
    /// - Returns: whether it does: there may be too many queues.
    package func consumeSession(
        _ recipient: Recipient,
        from queue: QueueName,
        prefetch: Int,
        _ state: inout State
    ) -> Bool {
        (try? state.core.consume(recipient, from: queue, prefetch: prefetch, now: timers.now)) != nil
    }

    /// Ends a subscription of a session, or has it consume a queue no longer.
    package func unsubscribeSession(_ recipient: Recipient, _ state: inout State) {
        unsubscribe(recipient, &state)
        state.core.stopConsuming(recipient)
    }

    /// A session's client has done with a delivery, as the handler allows, or has gone with it: then it is given back.
    package func settleSession(_ tag: UInt64, as disposition: Disposition, _ client: BrokerClient, _ state: inout State)
    {
        guard let delivery = state.core.delivery(tag) else { return }
        if disposition == .requeue {
            state.core.settle(tag, as: disposition, now: timers.now)
        } else {
            settle(tag, delivery, of: client, as: disposition, &state)
        }
    }

    /// Has another member of a group get a message that a subscription was to get.
    ///
    /// - Parameter takes: asked after it was handed to a member: whether that has taken it.
    /// - Returns: whether one has.
    package func passOn(
        _ publication: BrokerPublication,
        from recipient: Recipient,
        _ state: inout State,
        takes: () -> Bool
    ) -> Bool {
        for subscriber in state.core.others(than: recipient, for: publication.topic) {
            let isRetained = publication.retain && subscriber.retainAsPublished
            deliver(.publication(publication, isRetained: isRetained, to: subscriber), &state)
            if takes() { return true }
        }
        return false
    }

    /// Takes back messages that wait for room, and for which nobody waits.
    package func withdraw(_ messages: [HeldBack], _ state: inout State) {
        for message in messages {
            switch message.place {
            case .mailbox(let mailbox): mailbox.withdraw(message.id)
            case .queue(let queue, _):
                _ = state.senders.remove(id: message.id)
                _ = state.core.withdraw(message.id, from: queue)
            }
        }
    }

    /// Hands a delivery to the session that it is for.
    func assign(
        _ queued: QueuedMessage,
        _ tag: UInt64,
        of queue: QueueName,
        to recipient: Recipient,
        _ state: inout State
    ) {
        guard let host = state.host else { return }
        guard let publication = allowed(queued.publication(of: queue), .queue(queue), to: recipient.client, &state)
        else {
            return state.core.settle(tag, as: .reject, now: timers.now)
        }
        if let disposition = host.assign(publication, tag: tag, to: recipient) {
            state.core.settle(tag, as: disposition, now: timers.now)
        } else {
            state.aftermath.host = host
        }
    }
}

extension BrokerPublication {
    /// How it is sent to a queue.
    func sendOptions(now: Duration) -> SendOptions {
        SendOptions(guarantee: guarantee, expiry: expiresAt.map { max(.milliseconds(1), $0 - now) })
    }
}

extension QueuedMessage {
    /// The message as a consumer in this process gets it, and how often it was delivered before: by its queue, and by clients
    /// that have sent it anew, for want of another way to give it back.
    var delivered: (message: Message, redeliveries: Int) {
        guard origin != nil else { return (message, deliveries - 1) }
        var message = readable
        return (message, message.headers.takeRedeliveries() + deliveries - 1)
    }

    /// The message as clients on a network get it.
    fileprivate func publication(of queue: QueueName) -> BrokerPublication {
        var publication = BrokerPublication(
            message,
            to: TopicName(queue),
            retain: false,
            guarantee: guarantee,
            expiresAt: expiresAt,
            origin: origin
        )
        publication.redeliveries = deliveries - 1
        return publication
    }
}
