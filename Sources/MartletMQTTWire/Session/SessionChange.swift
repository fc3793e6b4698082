/// A change of what outlives a session's connection. All of a session's changes in their order make the same session again.
package enum SessionChange: Sendable {
    /// A client is there: how long the session is kept when it goes, and its will.
    case connected(expiry: Duration, will: WillMessage?)
    /// It has gone.
    case left(at: Duration, expiry: Duration, hasWill: Bool)
    case willPublished
    case ended
    case subscribed(ServerSession.Subscription)
    /// The subscription of a number is no more.
    case unsubscribed(Int)
    /// The subscription of a number has yet to get messages that are kept for its topics.
    case owed(Int)
    /// It has got them.
    case paid(Int)
    /// A message waits, under a number of this session's.
    case queued(UInt64, Publication, Match, QoS)
    /// The message that waited under a number is on its way, under a packet identifier.
    case sent(UInt64, UInt16)
    /// The message that waited under a number is no more.
    case dropped(UInt64)
    /// A message that has not waited is on its way, under a packet identifier.
    case inFlight(UInt16, Publication, Match, QoS)
    /// The message of a packet identifier is done with.
    case acknowledged(UInt16)
    /// The client has the message of a packet identifier, of QoS 2.
    case released(UInt16)
    /// A message of QoS 2 has come from the client, under a packet identifier.
    case received(UInt16, ContentMark)
    /// The client has released it.
    case completed(UInt16)

    /// The message that it tells of.
    package var publication: Publication? {
        switch self {
        case .queued(_, let publication, _, _), .inFlight(_, let publication, _, _): publication
        default: nil
        }
    }

    /// The delivery of a queue that it tells of.
    package var delivery: UInt64? {
        switch self {
        case .queued(_, _, let match, _), .inFlight(_, _, let match, _): match.delivery
        default: nil
        }
    }
}

extension ServerSession {
    /// Whether it is kept, and what comes for its client with it, when the host's process ends.
    package var isKept: Bool { isRecorded && expiry > .zero }

    /// Takes the changes since the last time.
    package mutating func takeChanges() -> [SessionChange] {
        guard !changes.isEmpty else { return [] }
        defer { changes.removeAll(keepingCapacity: changes.capacity <= 64) }
        return changes
    }

    /// Notes a change of what is kept.
    mutating func note(_ change: @autoclosure () -> SessionChange) {
        if isKept { changes.append(change()) }
    }

    /// Notes that a client has come. Of a session that ends with its connection a will alone is kept.
    mutating func noteArrival() {
        guard recordsChanges, isRecorded || expiry > .zero || will != nil else { return }
        isRecorded = true
        changes.append(.connected(expiry: expiry, will: will))
    }

    mutating func noteLeave(at time: Duration) {
        if isRecorded { changes.append(.left(at: time, expiry: expiry, hasWill: will != nil)) }
    }

    // MARK: Making it again

    /// Makes a change again, of a session that has no connection.
    ///
    /// - Returns: whether it can be made.
    package mutating func apply(_ change: SessionChange) -> Bool {
        switch change {
        case .connected(let expiry, let will):
            (self.expiry, self.will, leftAt) = (expiry, will, nil)
            isRecorded = true
        case .left(let time, let expiry, let hasWill):
            (leftAt, self.expiry) = (time, expiry)
            if !hasWill { will = nil }
        case .willPublished: will = nil
        case .ended: self = ServerSession(clientID: clientID, limits: limits)
        case .subscribed(let subscription): set(subscription)
        case .unsubscribed(let number): return unset(number)
        case .owed(let number): owed.insert(number)
        case .paid(let number): owed.remove(number)
        case .queued(let number, let publication, let match, let qos):
            queue.restore(.init(publication: publication, match: match, qos: qos, number: number))
        case .sent(let number, let id):
            guard let waiting = queue.remove(number) else { return false }
            inFlight.restore(id, .published(waiting.publication, waiting.match, waiting.qos))
        case .dropped(let number): return queue.remove(number) != nil
        case .inFlight(let id, let publication, let match, let qos):
            inFlight.restore(id, .published(publication, match, qos))
        case .acknowledged(let id): inFlight.forget(id)
        case .released(let id): inFlight.restore(id, .released)
        case .received(let id, let mark): received[id] = mark
        case .completed(let id): received[id] = nil
        }
        return true
    }

    /// The session has been made again. Its client has been away since a time, unless it is known to have left before: the
    /// deliveries of queues that others may get are their queues' again.
    ///
    /// - Parameter number: the number by which a delivery is known now; `nil`: it is settled.
    package mutating func settleAbsence(since time: Duration, now: Duration, _ number: (UInt64) -> UInt64?) {
        leftAt = min(leftAt ?? time, now)
        recordsChanges = true
        _ = takeReturnableDeliveries()
        inFlight.renumberDeliveries(number)
    }

    /// The deliveries of queues that its client has been sent, and that nobody else may get.
    package var heldDeliveries: [UInt64] { inFlight.heldDeliveries }

    /// Says which subscriptions have yet to get messages that are kept for their topics.
    package mutating func owe(_ subscriptions: Set<Int>) {
        guard owed != subscriptions else { return }
        for number in subscriptions.subtracting(owed).sorted() { note(.owed(number)) }
        for number in owed.subtracting(subscriptions).sorted() { note(.paid(number)) }
        owed = subscriptions
    }

    /// The changes that make this session, as far as it is kept; none if nothing is.
    package var history: [SessionChange] {
        guard isRecorded else { return [] }
        var all: [SessionChange] = [.connected(expiry: expiry, will: will)]
        if expiry > .zero {
            for subscription in orderedSubscriptions { all.append(.subscribed(subscription)) }
            for number in owed.sorted() { all.append(.owed(number)) }
            inFlight.forEachInOrder { id, stage in
                switch stage {
                case .published(let publication, let match, let qos):
                    all.append(.inFlight(id, publication, match, qos))
                case .released: all.append(.released(id))
                }
            }
            queue.forEachGuaranteed { waiting in
                all.append(.queued(waiting.number, waiting.publication, waiting.match, waiting.qos))
            }
            for (id, mark) in received.sorted(by: { $0.key < $1.key }) { all.append(.received(id, mark)) }
        }
        if let leftAt { all.append(.left(at: leftAt, expiry: expiry, hasWill: will != nil)) }
        return all
    }
}
