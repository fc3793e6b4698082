import Martlet
import MartletMQTTWire
import Synchronization

/// Queues that clients consume, and replies to connections of this process. Under the broker's lock.
extension SessionHub {
    /// Has a client consume a queue, as a member of the group that does.
    func consume(
        _ queue: QueueName,
        _ entry: SubscribeRequest.Entry,
        _ identifier: UInt32?,
        _ seat: Seat.Sender,
        at place: Int,
        _ broker: inout MemoryBroker.State
    ) -> ReasonCode {
        guard seat.permissions.mayRead(TopicName(queue)),
            case .success(let ruled) = self.broker.ruling(on: queue, seat.client, &broker),
            seat.permissions.mayRead(TopicName(ruled))
        else { return .notAuthorized }
        let ruling = ruled == queue ? nil : ruled.mqtt
        let number: Int? = state.withLock { hub in
            guard let added = hub.seats[place]?.session.add(entry, identifier: identifier, ruling: ruling) else {
                return nil
            }
            if added.isNew { hub.seats[place]?.queues[added.number] = Seat.Queue(name: ruled) }
            return added.number
        }
        guard let number else { return .quotaExceeded }
        chooseQueues(at: place, &broker)
        guard state.withLock({ $0.seats[place]?.queues[number]?.isConsumed ?? false }) else {
            state.withLock { _ = $0.seats[place]?.remove(filter: entry.filter) }
            return .quotaExceeded
        }
        return ReasonCode(granted: entry.qos)
    }

    /// Has a session consume, of the queues that it has subscribed to, those that it may read, and no other: it would be given what
    /// it does not get, and nobody else would.
    func chooseQueues(at place: Int, _ broker: inout MemoryBroker.State) {
        let asked: (queues: [Int: Seat.Queue], Seat.Sender, prefetch: Int)? = state.withLock { hub in
            guard let seat = hub.seats[place], !seat.queues.isEmpty else { return nil }
            return (seat.queues, seat.sender, seat.session.window)
        }
        guard let (queues, seat, prefetch) = asked else { return }
        for (subscription, queue) in queues.sorted(by: { $0.key < $1.key }) {
            let mayRead = seat.permissions.mayRead(TopicName(queue.name))
            guard mayRead != queue.isConsumed else { continue }
            let recipient = Recipient(
                client: seat.number,
                number: SubscriberNumber.make(place: place, subscription: subscription)
            )
            var isConsumed = false
            if mayRead {
                isConsumed = self.broker.consumeSession(recipient, from: queue.name, prefetch: prefetch, &broker)
            } else {
                self.broker.unsubscribeSession(recipient, &broker)
            }
            state.withLock { $0.seats[place]?.queues[subscription]?.isConsumed = isConsumed }
        }
    }

    /// Takes a delivery of a queue for a client. Called under the broker's lock.
    func assign(_ publication: BrokerPublication, tag: UInt64, to recipient: Recipient) -> Disposition? {
        // What is left of a message's life is counted from now.
        let now = broker.now
        let place = SubscriberNumber.place(of: recipient.number)
        return state.withLock { hub in
            guard hub.seats.indices.contains(place), let seat = hub.seats[place],
                let match = seat.match(ofDelivery: tag, recipient)
            else { return .requeue }
            // Its rules may have changed since this was on its way to it.
            guard seat.permissions.mayRead(publication.topic) else { return .requeue }
            hub.goOn(max(hub.now, now))
            let wire = publication.wire
            hub.act(at: place) { [now = hub.now] in $0.deliver(wire, match, now: now, &$1) }
            hub.noteDeadline(of: place)
            return nil
        }
    }

    /// A delivery of a queue is over for the client that had it.
    func settle(
        _ delivery: UInt64,
        _ verdict: DeliveryVerdict,
        at place: Int,
        _ broker: inout MemoryBroker.State
    ) {
        guard let client = state.withLock({ $0.seats[place]?.client }) else { return }
        let disposition: Disposition =
            switch verdict {
            case .accepted: .ack
            case .rejected: .reject
            case .returned: .requeue
            }
        self.broker.settleSession(delivery, as: disposition, client, &broker)
    }

    /// Gives a message to another member of the group by which it came: one that a session leaves behind, that its client may not
    /// read, or for which it has no room (MQTT 5, 4.8.2). If no member takes it, it is dropped, as where there are none.
    func passOn(
        _ wire: Publication,
        of subscription: Int,
        _ chore: Chore,
        _ broker: inout MemoryBroker.State
    ) {
        let place = chore.place
        let (topic, number, now) = state.withLock { hub in
            (hub.names.name(of: wire.topic), hub.seats[place]?.number, hub.now)
        }
        guard let topic, let number else { return }
        let recipient = Recipient(
            client: number,
            number: SubscriberNumber.make(place: place, subscription: subscription)
        )
        let publication = BrokerPublication(wire, to: topic, retain: chore.isRetained, publisher: nil, now: now)
        state.withLock { $0.isPassedOver = false }
        let isTaken = self.broker.passOn(publication, from: recipient, &broker) {
            state.withLock { hub in
                defer { hub.isPassedOver = false }
                return hub.isPassedOver == false
            }
        }
        state.withLock { hub in
            hub.isPassedOver = nil
            if !isTaken, let own = chore.own { hub.deliver(wire, own, at: place) }
        }
    }

    /// Takes a client's reply to a connection of this process, by an envelope or bare.
    func reply(_ publish: Publish, from client: BrokerClient, _ broker: inout MemoryBroker.State) -> ReasonCode {
        let headers = publish.properties.headers(expires: nil)
        guard let message = try? WireCoding().message(publish.payload, beside: headers, from: .call) else {
            return .implementationSpecificError
        }
        return reason(self.broker.reply(message, to: publish.topic, from: client, &broker), nil, &broker)
    }
}
