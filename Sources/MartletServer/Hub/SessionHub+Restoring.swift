import Martlet
import MartletMQTTWire
import Synchronization

/// A session that is there again after a restart.
struct RestoredSession {
    let place: Int
    /// As the broker's core knows it.
    let client: Int
    /// The deliveries of queues that its client has been sent, and that nobody else may get.
    let held: [UInt64]
    /// The subscriptions by which it consumes queues.
    var workers: [QueueName: Recipient] = [:]

    /// Whoever has a delivery of a queue that it does not consume any more.
    var nobody: Recipient { Recipient(client: client, number: SubscriberNumber.make(place: place, subscription: 0)) }
}

/// What an earlier process has left. Under the broker's lock.
extension SessionHub {
    func restoreKept(_ image: StoreImage, now: Duration, _ broker: inout MemoryBroker.State) {
        self.broker.recordChanges(&broker)
        // What this process has kept before is newer than what the store has.
        record(self.broker.keptMessages(&broker).map { .kept($0) })
        self.broker.queueContents(&broker).forEach { record([.queued($1, in: $0)]) }
        for entry in image.retained.values {
            let publication: BrokerPublication
            switch entry {
            case .kept(let wire):
                guard let topic = state.withLock({ $0.names.name(of: wire.topic) }) else { continue }
                publication = BrokerPublication(wire, to: topic, retain: true, publisher: nil, now: now)
            case .keptOwn(let own): publication = own
            default: continue
            }
            let isExpired = publication.expiresAt.map { $0 <= now } ?? false
            if !self.broker.restore(publication, now: now, &broker), isExpired { record([.cleared(publication.topic)]) }
        }
    }

    /// Has queues have again what was in them. What a session's client was sent with QoS 2 stays that client's.
    func restoreQueues(
        _ image: StoreImage,
        _ sessions: [RestoredSession],
        now: Duration,
        _ broker: inout MemoryBroker.State
    ) {
        var holding: [UInt64: RestoredSession] = [:]
        for session in sessions { for delivery in session.held { holding[delivery] = session } }
        let queues = Dictionary(grouping: image.queued.values) { Array($0.queue.utf8) }
        for (name, messages) in queues {
            let queued = messages.sorted { $0.number < $1.number }.map { $0.queued(base: image.lastNumber, now: now) }
            let queue = QueueName(TopicName(mqtt: String(decoding: name, as: UTF8.self)))
            var holders: [UInt64: Recipient] = [:]
            for message in queued where message.deliveries > 0 {
                guard let session = holding[message.tag] else { continue }
                holders[message.tag] = session.workers[queue] ?? session.nobody
            }
            self.broker.restore(queued, in: queue, holders: holders, now: now, &broker)
        }
    }

    /// - Returns: the sessions that are there again.
    func restoreSessions(
        _ image: StoreImage,
        _ permissions: (_ clientID: String, _ user: String?) -> Permissions,
        now: Duration,
        _ broker: inout MemoryBroker.State
    ) -> [RestoredSession] {
        let clock = state.withLock { $0.journal?.emptyWriter.clock } ?? WallTime(now, is: 0)
        // When the process ended is not known, but that it lived soon after its last record.
        let last = min(now, clock.time(image.time) + Self.beat)
        let tags = Set(image.queued.values.lazy.filter { $0.deliveries > 0 }.map(\.tag))
        var sessions: [RestoredSession] = []
        for case var kept? in image.sessions where kept.session.isRecorded {
            kept.session.settleAbsence(since: last, now: now) { tags.contains($0) ? $0 &- image.lastNumber : nil }
            let client = self.broker.client(
                name: kept.session.clientID,
                user: kept.origin.user,
                address: kept.origin.address,
                listener: kept.origin.listener,
                certificateSubject: nil,
                protocolVersion: nil,
                &broker
            )
            let backlogs: [Seat.Backlog] = kept.session.owed.sorted().compactMap { number in
                kept.session.subscription(number).map { subscription in
                    let pattern = TopicPattern(mqtt: subscription.ruling ?? subscription.entry.filter)
                    return Seat.Backlog(subscription: number, topics: self.broker.keptTopics(of: pattern, &broker))
                }
            }
            let permissions = permissions(kept.session.clientID, kept.origin.user)
            let place = state.withLock { [session = kept.session] hub in
                hub.add(
                    Seat(
                        session: session,
                        number: client.id,
                        client: client,
                        permissions: permissions,
                        backlogs: backlogs
                    )
                )
            }
            var restored = RestoredSession(place: place, client: client.id, held: kept.session.heldDeliveries)
            self.broker.restoreSession(client.id, client, &broker)
            for subscription in kept.session.orderedSubscriptions {
                let recipient = Recipient(
                    client: client.id,
                    number: SubscriberNumber.make(place: place, subscription: subscription.number)
                )
                let asked = TopicPattern(mqtt: subscription.entry.filter)
                let pattern = subscription.ruling.map { TopicPattern(mqtt: $0) } ?? asked
                if let group = asked.group, ByteKey(group) == queueGroup, let topic = pattern.onlyTopic {
                    let queue = QueueName(topic)
                    state.withLock { $0.seats[place]?.queues[subscription.number] = Seat.Queue(name: queue) }
                    restored.workers[queue] = recipient
                } else {
                    self.broker.subscribeSession(recipient, to: pattern, group: asked.group, &broker)
                }
            }
            chooseQueues(at: place, &broker)
            sessions.append(restored)
        }
        return sessions
    }
}
