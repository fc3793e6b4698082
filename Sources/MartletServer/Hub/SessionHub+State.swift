import Martlet
import MartletMQTTWire
import NIOCore

/// A message in bytes, as it is for everybody who gets it without a guarantee.
struct WrittenPublication {
    private var publication: Publication?
    private var bytes: [Int: ByteBuffer] = [:]

    mutating func bytes(of outgoing: Outgoing, _ version: ProtocolVersion) -> ByteBuffer {
        guard outgoing.isShared else { return ByteBuffer(bytes: Encoder(version).bytes(of: outgoing.packet(version))) }
        if publication !== outgoing.publication || outgoing.secondsLeft != nil {
            publication = outgoing.publication
            bytes.removeAll(keepingCapacity: true)
        }
        let variant = (version == .v5 ? 2 : 0) + (outgoing.retain ? 1 : 0)
        if let written = bytes[variant] { return written }
        let written = ByteBuffer(bytes: Encoder(version).bytes(of: outgoing.packet(version)))
        bytes[variant] = written
        return written
    }
}

extension SessionHub.State {
    /// Has a session act. What is for its client is written; the rest is noted, to be done by the core.
    mutating func act(
        at place: Int,
        inOrder: Bool = false,
        _ body: (inout ServerSession, inout [SessionAction]) -> Void
    ) {
        actOnce(at: place, inOrder: inOrder, body)
        // It stops where its socket may be full. If that takes more, the rest follows.
        while seats.indices.contains(place), seats[place]?.session.hasMore == true {
            actOnce(at: place, inOrder: inOrder) { [now] in $0.goOn(now: now, &$1) }
        }
    }

    private mutating func actOnce(
        at place: Int,
        inOrder: Bool,
        _ body: (inout ServerSession, inout [SessionAction]) -> Void
    ) {
        guard seats.indices.contains(place), let before = seats[place]?.session.queuedBytes,
            let actions = seats[place]?.act(body)
        else { return }
        recordChanges(at: place)
        queuedBytes += (seats[place]?.session.queuedBytes ?? 0) - before
        guard !actions.isEmpty else { return }
        let connection = seats[place]?.connection
        for action in actions {
            switch action {
            case .send(let packet):
                guard let connection else { continue }
                let bytes = ByteBuffer(bytes: Encoder(connection.version).bytes(of: packet))
                write(bytes, to: connection, at: place, isAnswer: true)
            case .deliver(let outgoing):
                guard let connection else { continue }
                publishesSent += 1
                write(written.bytes(of: outgoing, connection.version), to: connection, at: place)
            case .close:
                if let connection, connection.close() { announced.append(connection) }
                chores.append(.init(place: place, action: action, inOrder: inOrder))
            case .publish, .subscribe, .unsubscribe, .settle, .passOn, .publishWill, .end:
                chores.append(.init(place: place, action: action, inOrder: inOrder))
            }
        }
    }

    private mutating func write(
        _ bytes: ByteBuffer,
        to connection: ClientConnection,
        at place: Int,
        isAnswer: Bool = false
    ) {
        let group = journal?.needed ?? 0
        let (announces, isFull, isOverrun) = connection.append(bytes, after: group, isAnswer: isAnswer)
        if announces {
            if group == 0 { announced.append(connection) } else { waiting.append((connection, group)) }
        }
        if isFull, seats[place]?.isStuck == false {
            seats[place]?.isStuck = true
            act(at: place) { [now] in $0.setWritable(false, now: now, &$1) }
        }
        guard isOverrun else { return }
        act(at: place) { [now] in $0.cut(.quotaExceeded, "it asks for answers and takes none", now: now, &$1) }
    }

    /// This process did not run for a while: what clients have sent meanwhile is yet to be read. Each has its whole
    /// keep-alive anew.
    mutating func excuseClients() {
        for place in seats.indices where seats[place] != nil {
            seats[place]?.session.excuse(now: now)
            noteDeadline(of: place)
        }
    }

    /// A client whose packet takes longer than its keep-alive is there, as long as more of it comes.
    mutating func excuseIfSlow(at place: Int) {
        guard let seat = seats[place], seat.session.isSilent(at: now), seat.connection?.takeProgress() == true else {
            return
        }
        seats[place]?.session.excuse(now: now)
    }

    mutating func noteDeadline(of place: Int) {
        if let next = seats[place]?.session.nextDeadline { deadlines.note(place, at: next) }
    }

    // MARK: Messages

    /// Drops what a client has yet to be sent, or sent again, and may not read.
    mutating func dropForbidden(at place: Int) {
        guard let permissions = seats[place]?.permissions, !permissions.isAll else { return }
        act(at: place) { session, actions in
            session.dropUnsent(&actions) { !permissions.mayRead(TopicName(mqtt: $0.topic)) }
        }
    }

    /// Delivers a message. A session gets one copy, however many of its subscriptions match, and one for each that it shares
    /// with others (MQTT 5, 3.3.4 and 4.8.2).
    mutating func deliver(
        _ wire: Publication,
        _ publication: BrokerPublication,
        to recipients: [Recipient]
    ) {
        var matched: [Int] = []
        for recipient in recipients {
            let place = SubscriberNumber.place(of: recipient.number)
            guard seats.indices.contains(place), let (match, isShared) = seats[place]?.match(of: publication, recipient)
            else {
                passOver(recipient, wire, publication)
                continue
            }
            if isShared {
                if hasRoom(for: wire, match, at: place) {
                    deliver(wire, match, at: place)
                } else {
                    passOver(recipient, wire, publication, own: match)
                }
            } else if seats[place]?.matching == nil {
                seats[place]?.matching = match
                matched.append(place)
            } else {
                seats[place]?.matching?.merge(match)
            }
        }
        for place in matched {
            if let match = seats[place]?.matching.take() { deliver(wire, match, at: place) }
        }
    }

    /// A client is not to get a message, or has no room for it. If it was the turn of a subscription that it shares, another member
    /// of that group gets it.
    ///
    /// - Parameter own: how the client gets it if no other member takes it; `nil`: not at all.
    private mutating func passOver(
        _ recipient: Recipient,
        _ wire: Publication,
        _ publication: BrokerPublication,
        own: Match? = nil
    ) {
        let place = SubscriberNumber.place(of: recipient.number)
        let subscription = SubscriberNumber.subscription(of: recipient.number)
        guard seats.indices.contains(place), seats[place]?.number == recipient.client,
            seats[place]?.session.subscription(subscription)?.isShared == true
        else { return }
        if isPassedOver == nil {
            let action = SessionAction.passOn(wire, subscription: subscription)
            let isRetained = publication.retain
            chores.append(.init(place: place, action: action, inOrder: false, isRetained: isRetained, own: own))
        } else {
            isPassedOver = true
        }
    }

    private func hasRoom(for wire: Publication, _ match: Match, at place: Int) -> Bool {
        !isFull(for: wire, match, at: place) && seats[place]?.session.hasRoom(for: wire, match, now: now) == true
    }

    /// Whether so much waits for all clients that a message can't wait for this one as well.
    private func isFull(for wire: Publication, _ match: Match, at place: Int) -> Bool {
        queuedBytes >= allQueuedBytes && seats[place]?.session.keeps(wire, match) == true
    }

    /// Delivers a message to a session, which does with it what its limits say if there is no room.
    mutating func deliver(_ wire: Publication, _ match: Match, at place: Int) {
        let isFull = isFull(for: wire, match, at: place)
        act(at: place) { [now] session, actions in
            if isFull { session.drop() } else { session.deliver(wire, match, now: now, &actions) }
        }
        noteDeadline(of: place)
    }

    /// Sends what is kept for a session's latest subscriptions, as far as the client takes it, and takes down which are owed more.
    mutating func fillBacklogs(
        at place: Int,
        _ broker: MemoryBroker,
        _ state: inout MemoryBroker.State
    ) {
        drainBacklogs(at: place, broker, &state)
        guard let owed = seats[place]?.owed, owed != seats[place]?.session.owed else { return }
        seats[place]?.session.owe(owed)
        recordChanges(at: place)
    }

    private mutating func drainBacklogs(
        at place: Int,
        _ broker: MemoryBroker,
        _ state: inout MemoryBroker.State
    ) {
        while let backlog = seats[place]?.backlogs.first {
            guard backlog.next < backlog.topics.count, let match = seats[place]?.matchOfKept(backlog.subscription)
            else {
                seats[place]?.backlogs.removeFirst()
                continue
            }
            guard seats[place]?.session.hasRoom == true else { return }
            seats[place]?.backlogs[0].next += 1
            let topic = backlog.topics[backlog.next]
            guard seats[place]?.permissions.mayRead(topic) == true,
                let number = seats[place]?.number,
                let found = broker.keptMessage(for: topic, now: now, &state),
                let kept = broker.allowedKept(found, to: number, &state)
            else { continue }
            let wire = kept.wire
            act(at: place) { [now] in $0.deliver(wire, match, now: now, &$1) }
        }
    }
}
