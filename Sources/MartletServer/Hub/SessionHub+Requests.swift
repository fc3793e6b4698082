import Martlet
import MartletMQTTWire
import Synchronization

/// What sessions ask of the broker's core. Under the broker's lock.
extension SessionHub {
    /// Publishes a message of a client.
    func publish(
        _ publish: Publish,
        at place: Int,
        now: Duration,
        _ broker: inout MemoryBroker.State
    ) -> ReasonCode {
        let (topic, seat) = state.withLock { hub in (hub.names.name(of: publish.topic), hub.seats[place]?.sender) }
        guard let topic, !publish.topic.utf8.starts(with: "$SYS/".utf8) else { return .topicNameInvalid }
        guard let seat, seat.permissions.mayPublish(to: topic) else { return .notAuthorized }
        guard !ReplyAddresses.isReserved(publish.topic) else { return reply(publish, from: seat.client, &broker) }
        let wire = Publication(publish, now: now)
        let publication = BrokerPublication(wire, to: topic, retain: publish.retain, publisher: seat.number, now: now)
        return reason(self.broker.publish(publication, from: seat.client, &broker), seat.connection, &broker)
    }

    /// What a client is told of what came of its message.
    func reason(
        _ outcome: MemoryBroker.Published,
        _ connection: ClientConnection?,
        _ broker: inout MemoryBroker.State
    ) -> ReasonCode {
        switch outcome {
        case .delivered(let subscribers):
            return subscribers == 0 ? .noMatchingSubscribers : .success
        case .heldBack(let messages):
            guard let connection, !pause(connection, for: messages) else { return .success }
            self.broker.withdraw(messages, &broker)
            return .quotaExceeded
        case .refused: return .notAuthorized
        case .full: return .quotaExceeded
        case .invalid: return .topicNameInvalid
        }
    }

    /// Publishes the will of a client that has gone. Its rules hold for that as for any message.
    func publishWill(_ will: WillMessage, at place: Int, now: Duration, _ broker: inout MemoryBroker.State) {
        var properties = will.properties
        properties.remove(.willDelayInterval)
        var publish = Publish(
            topic: will.topic,
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            properties: properties
        )
        guard self.publish(publish, at: place, now: now, &broker) == .quotaExceeded, publish.retain else { return }
        // There is no room to keep it. Those who are there get it all the same.
        publish.retain = false
        _ = self.publish(publish, at: place, now: now, &broker)
    }

    func subscribe(_ subscribe: SubscribeRequest, at place: Int, now: Duration, _ broker: inout MemoryBroker.State) {
        let identifier = subscribe.properties.number(.subscriptionIdentifier)
        var reasons: [ReasonCode] = []
        var backlogs: [Seat.Backlog] = []
        for entry in subscribe.entries {
            reasons.append(self.subscribe(entry, identifier, at: place, now: now, &broker, &backlogs))
        }
        state.withLock { hub in
            // What is kept comes after the answer.
            hub.act(at: place) { $0.subscribed(subscribe, reasons, &$1) }
            hub.seats[place]?.backlogs += backlogs
        }
    }

    private func subscribe(
        _ entry: SubscribeRequest.Entry,
        _ identifier: UInt32?,
        at place: Int,
        now: Duration,
        _ broker: inout MemoryBroker.State,
        _ backlogs: inout [Seat.Backlog]
    ) -> ReasonCode {
        guard TextRules.levels(of: entry.filter) <= limits.topicLevels,
            let seat = state.withLock({ $0.seats[place]?.sender })
        else { return .topicFilterInvalid }
        var pattern = TopicPattern(mqtt: entry.filter)
        guard pattern.isValid else { return .topicFilterInvalid }
        guard seat.permissions.maySubscribe(to: pattern), !ReplyAddresses.isReserved(pattern.mqttLevels) else {
            return .notAuthorized
        }
        let group = pattern.group
        if let group, ByteKey(group) == queueGroup, let topic = pattern.onlyTopic {
            return consume(QueueName(topic), entry, identifier, seat, at: place, &broker)
        }
        switch self.broker.ruling(on: pattern, seat.client, &broker) {
        case .success(let ruled): pattern = ruled
        case .failure: return .notAuthorized
        }
        let ruling = pattern == TopicPattern(mqtt: entry.filter) ? nil : pattern.mqtt
        guard
            let (number, isNew) = state.withLock({
                $0.seats[place]?.session.add(entry, identifier: identifier, ruling: ruling)
            })
        else {
            return .quotaExceeded
        }
        let recipient = Recipient(
            client: seat.number,
            number: SubscriberNumber.make(place: place, subscription: number)
        )
        if isNew { self.broker.subscribeSession(recipient, to: pattern, group: group, &broker) }
        let wantsKept = entry.retainHandling == .always || (entry.retainHandling == .ifNew && isNew)
        if wantsKept, group == nil {
            let topics = self.broker.keptTopics(of: pattern, &broker)
            state.withLock { hub in hub.seats[place]?.backlogs.removeAll { $0.subscription == number } }
            if !topics.isEmpty { backlogs.append(Seat.Backlog(subscription: number, topics: topics)) }
        }
        return ReasonCode(granted: entry.qos)
    }

    func unsubscribe(_ unsubscribe: UnsubscribeRequest, at place: Int, _ broker: inout MemoryBroker.State) {
        var reasons: [ReasonCode] = []
        for filter in unsubscribe.filters {
            let removed: Recipient? = state.withLock { hub in
                guard let subscription = hub.seats[place]?.remove(filter: filter),
                    let number = hub.seats[place]?.number
                else { return nil }
                return Recipient(
                    client: number,
                    number: SubscriberNumber.make(place: place, subscription: subscription)
                )
            }
            if let removed { self.broker.unsubscribeSession(removed, &broker) }
            reasons.append(removed == nil ? .noSubscriptionExisted : .success)
        }
        state.withLock { hub in hub.act(at: place) { $0.unsubscribed(unsubscribe, reasons, &$1) } }
    }
}
