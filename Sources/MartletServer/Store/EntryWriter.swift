import Martlet
import MartletMQTTWire

/// Writes entries. A pure value.
struct EntryWriter: Sendable {
    private(set) var bytes: [UInt8] = []
    /// For the times that entries tell.
    var clock: WallTime
    /// What is added to the numbers of queues' messages and deliveries: those of earlier processes come before.
    let base: UInt64

    init(_ clock: WallTime, base: UInt64 = 0) {
        (self.clock, self.base) = (clock, base)
    }

    /// Takes what was written.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    mutating func removeAll() { bytes = [] }

    mutating func session(_ number: Int, _ clientID: String, _ client: BrokerClient) {
        begin(.session, number)
        bytes.append(text: clientID)
        add(client.user)
        bytes.append(text: client.address ?? "")
        bytes.append(text: client.listener ?? "")
    }

    mutating func message(_ number: UInt64, _ publication: Publication) {
        bytes.append(EntryKind.message.rawValue)
        bytes.append(number: number)
        let isOlderOther = publication.olderPayload != publication.payload
        bytes.append(publication.qos.rawValue | (isOlderOther ? 4 : 0) | (publication.expiresAt == nil ? 0 : 8))
        if let time = publication.expiresAt { bytes.append(number: clock.nanoseconds(time)) }
        bytes.append(text: publication.topic)
        add(publication.payload)
        if isOlderOther { add(publication.olderPayload) }
        add(publication.properties)
    }

    /// - Parameters:
    ///   - session: the session's number in this file.
    ///   - message: that of the message that the change tells of.
    mutating func change(_ change: SessionChange, of session: Int, message: UInt64) {
        switch change {
        case .connected(let expiry, let will):
            begin(.connected, session)
            bytes.append(number: expiry.wholeNanoseconds)
            add(will)
        case .left(let time, let expiry, let hasWill):
            begin(.left, session)
            bytes.append(number: clock.nanoseconds(time))
            bytes.append(number: expiry.wholeNanoseconds)
            bytes.append(hasWill ? 1 : 0)
        case .willPublished: begin(.willPublished, session)
        case .ended: begin(.ended, session)
        case .subscribed(let subscription):
            begin(.subscribed, session)
            add(subscription)
        case .unsubscribed(let number):
            begin(.unsubscribed, session)
            bytes.append(number: Int64(number))
        case .owed(let number):
            begin(.owed, session)
            bytes.append(number: Int64(number))
        case .paid(let number):
            begin(.paid, session)
            bytes.append(number: Int64(number))
        case .queued(let number, _, let match, let qos):
            begin(.queued, session)
            bytes.append(number: number)
            bytes.append(number: message)
            add(match, qos)
        case .sent(let number, let id):
            begin(.sent, session)
            bytes.append(number: number)
            bytes.append(number: id)
        case .dropped(let number):
            begin(.dropped, session)
            bytes.append(number: number)
        case .inFlight(let id, _, let match, let qos):
            begin(.inFlight, session)
            bytes.append(number: id)
            bytes.append(number: message)
            add(match, qos)
        case .acknowledged(let id): add(.acknowledged, session, id)
        case .released(let id): add(.released, session, id)
        case .received(let id, let mark):
            add(.received, session, id)
            bytes.append(number: mark.number)
        case .completed(let id): add(.completed, session, id)
        }
    }

    /// A client's message is kept for its topic.
    mutating func kept(_ message: UInt64) {
        bytes.append(EntryKind.kept.rawValue)
        bytes.append(number: message)
    }

    /// A message of this process is kept for its topic.
    mutating func kept(_ publication: BrokerPublication) {
        bytes.append(EntryKind.keptOwn.rawValue)
        bytes.append(text: publication.topic.mqtt)
        add(QoS(publication.guarantee), expiresAt: publication.expiresAt)
        add(publication.message.storedRecord)
    }

    mutating func cleared(_ topic: TopicName) {
        bytes.append(EntryKind.cleared.rawValue)
        bytes.append(text: topic.mqtt)
    }

    /// - Parameter message: the message's number in this file, if it is a client's.
    mutating func enqueued(_ queued: QueuedMessage, in queue: QueueName, message: UInt64?) {
        bytes.append((message == nil ? EntryKind.enqueuedOwn : .enqueued).rawValue)
        bytes.append(number: queued.number &+ base)
        bytes.append(text: queue.mqtt)
        bytes.append(number: UInt32(clamping: queued.deliveries))
        bytes.append(number: queued.deliveries == 0 ? 0 : queued.tag &+ base)
        add(QoS(queued.guarantee), expiresAt: queued.expiresAt)
        if let message { bytes.append(number: message) } else { add(queued.message.storedRecord) }
    }

    mutating func assigned(_ number: UInt64, tag: UInt64) {
        bytes.append(EntryKind.assigned.rawValue)
        bytes.append(number: number &+ base)
        bytes.append(number: tag &+ base)
    }

    mutating func taken(_ number: UInt64) {
        bytes.append(EntryKind.taken.rawValue)
        bytes.append(number: number &+ base)
    }

    mutating func end(next: UInt64) {
        bytes.append(EntryKind.end.rawValue)
        bytes.append(number: next)
    }

    // MARK: What they consist of

    private mutating func begin(_ kind: EntryKind, _ session: Int) {
        bytes.append(kind.rawValue)
        bytes.append(number: UInt32(truncatingIfNeeded: session))
    }

    private mutating func add(_ kind: EntryKind, _ session: Int, _ id: UInt16) {
        begin(kind, session)
        bytes.append(number: id)
    }

    private mutating func add(_ data: [UInt8]) {
        bytes.append(number: UInt32(clamping: data.count))
        bytes += data
    }

    private mutating func add(_ text: String?) {
        bytes.append(text == nil ? 0 : 1)
        if let text { bytes.append(text: text) }
    }

    private mutating func add(_ qos: QoS, expiresAt: Duration?) {
        bytes.append(qos.rawValue | (expiresAt == nil ? 0 : 8))
        if let expiresAt { bytes.append(number: clock.nanoseconds(expiresAt)) }
    }

    private mutating func add(_ match: Match, _ qos: QoS) {
        let kinds: UInt8 = (match.delivery == nil ? 0 : 32) | (match.share == nil ? 0 : 64)
        bytes.append(qos.rawValue | match.qos.rawValue << 2 | (match.retain ? 16 : 0) | kinds)
        if let delivery = match.delivery { bytes.append(number: delivery &+ base) }
        if let share = match.share { bytes.append(number: UInt32(clamping: share)) }
        bytes.append(number: UInt32(clamping: match.identifiers.count))
        for identifier in match.identifiers { bytes.append(number: identifier) }
    }

    private mutating func add(_ will: WillMessage?) {
        bytes.append(will == nil ? 0 : 1)
        guard let will else { return }
        bytes.append(will.qos.rawValue | (will.retain ? 16 : 0))
        bytes.append(text: will.topic)
        add(will.payload)
        add(will.properties)
    }

    private mutating func add(_ subscription: ServerSession.Subscription) {
        let entry = subscription.entry
        bytes.append(number: Int64(subscription.number))
        bytes.append(text: entry.filter)
        bytes.append(
            entry.qos.rawValue | (entry.noLocal ? 4 : 0) | (entry.retainAsPublished ? 8 : 0)
                | entry.retainHandling.rawValue << 4
        )
        bytes.append(number: subscription.identifier ?? 0)
        add(subscription.ruling)
    }

    private mutating func add(_ properties: PropertyList) {
        bytes.append(number: UInt32(clamping: properties.all.count))
        for property in properties.all {
            bytes.append(property.id.rawValue)
            switch property.value {
            case .number(let number):
                bytes.append(0)
                bytes.append(number: number)
            case .text(let text):
                bytes.append(1)
                bytes.append(text: text)
            case .data(let data):
                bytes.append(2)
                add(data)
            case .pair(let name, let value):
                bytes.append(3)
                bytes.append(text: name)
                bytes.append(text: value)
            }
        }
    }
}
