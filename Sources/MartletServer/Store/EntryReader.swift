import Martlet
import MartletMQTTWire

/// What an entry tells.
enum StoreEntry: Sendable {
    case session(Int, clientID: String, StoreImage.Origin)
    case message(UInt64, Publication)
    case change(SessionChange, of: Int)
    case kept(Publication)
    case keptOwn(BrokerPublication)
    case cleared(String)
    case enqueued(StoredMessage)
    case assigned(UInt64, tag: UInt64)
    case taken(UInt64)
    case end(next: UInt64)
}

/// Reads entries. What is none is `nil`, and nothing traps.
struct EntryReader {
    private var reader: RecordReader
    private let clock: WallTime

    init(_ bytes: ArraySlice<UInt8>, _ clock: WallTime) {
        reader = RecordReader(bytes)
        self.clock = clock
    }

    var isAtEnd: Bool { reader.rest.isEmpty }

    /// The next entry.
    ///
    /// - Parameter messages: the file's messages so far, by their numbers.
    mutating func next(_ messages: IntroducedMessages) -> StoreEntry? {
        guard let kind = reader.byte().flatMap({ EntryKind(rawValue: $0) }) else { return nil }
        switch kind {
        case .message: return message()
        case .kept:
            guard let number: UInt64 = reader.number(), let publication = messages[number] else { return nil }
            return .kept(publication)
        case .keptOwn: return keptOwn()
        case .cleared: return reader.text().map { .cleared($0) }
        case .enqueued, .enqueuedOwn: return enqueued(kind, messages)
        case .assigned:
            guard let number: UInt64 = reader.number(), let tag: UInt64 = reader.number() else { return nil }
            return .assigned(number, tag: tag)
        case .taken: return reader.number().map { .taken($0) }
        case .end: return reader.number().map { .end(next: $0) }
        default:
            guard let number: UInt32 = reader.number() else { return nil }
            let session = Int(number)
            if kind == .session { return self.session(session) }
            return change(kind, messages).map { .change($0, of: session) }
        }
    }

    private mutating func session(_ number: Int) -> StoreEntry? {
        guard let clientID = reader.text(), let user = optionalText(), let address = reader.text(),
            let listener = reader.text()
        else { return nil }
        return .session(number, clientID: clientID, .init(user: user.text, address: address, listener: listener))
    }

    private mutating func message() -> StoreEntry? {
        guard let number: UInt64 = reader.number(), let flags = reader.byte(), let qos = QoS(rawValue: flags & 3),
            let expiry = expiry(flags), let topic = reader.text(), let payload = data()
        else { return nil }
        var older: [UInt8]?
        if flags & 4 != 0 {
            guard let data = data() else { return nil }
            older = data
        }
        guard let properties = properties() else { return nil }
        return .message(
            number,
            Publication(
                topic: topic,
                payload: payload,
                olderPayload: older,
                properties: properties,
                qos: qos,
                expiresAt: expiry.time
            )
        )
    }

    private mutating func keptOwn() -> StoreEntry? {
        guard let topic = reader.text(), let (qos, expiry) = qualities(), let record = data(),
            let message = Message(storedRecord: record)
        else { return nil }
        return .keptOwn(
            BrokerPublication(
                message,
                to: TopicName(mqtt: topic),
                retain: true,
                guarantee: qos.guarantee,
                expiresAt: expiry
            )
        )
    }

    private mutating func enqueued(_ kind: EntryKind, _ messages: IntroducedMessages) -> StoreEntry? {
        guard let number: UInt64 = reader.number(), let queue = reader.text(), let deliveries: UInt32 = reader.number(),
            let tag: UInt64 = reader.number(), let (qos, expiry) = qualities()
        else { return nil }
        let content: StoredMessage.Content
        if kind == .enqueued {
            guard let message: UInt64 = reader.number(), let publication = messages[message] else { return nil }
            content = .client(publication)
        } else {
            guard let record = data(), let message = Message(storedRecord: record) else { return nil }
            content = .own(message)
        }
        return .enqueued(
            StoredMessage(
                number: number,
                queue: queue,
                deliveries: Int(deliveries),
                tag: tag,
                qos: qos,
                expiresAt: expiry,
                content: content
            )
        )
    }

    private mutating func change(_ kind: EntryKind, _ messages: IntroducedMessages) -> SessionChange? {
        switch kind {
        case .connected:
            guard let expiry = duration(), let will = will() else { return nil }
            return .connected(expiry: expiry, will: will.message)
        case .left:
            guard let time: Int64 = reader.number(), let expiry = duration(), let hasWill = reader.byte() else {
                return nil
            }
            return .left(at: clock.time(time), expiry: expiry, hasWill: hasWill == 1)
        case .willPublished: return .willPublished
        case .ended: return .ended
        case .subscribed: return subscription().map { .subscribed($0) }
        case .unsubscribed:
            guard let number: Int64 = reader.number() else { return nil }
            return .unsubscribed(Int(number))
        case .owed:
            guard let number: Int64 = reader.number() else { return nil }
            return .owed(Int(number))
        case .paid:
            guard let number: Int64 = reader.number() else { return nil }
            return .paid(Int(number))
        case .queued:
            guard let number: UInt64 = reader.number(), let message: UInt64 = reader.number(),
                let publication = messages[message], let (match, qos) = match()
            else { return nil }
            return .queued(number, publication, match, qos)
        case .sent:
            guard let number: UInt64 = reader.number(), let id: UInt16 = reader.number() else { return nil }
            return .sent(number, id)
        case .dropped: return reader.number().map { .dropped($0) }
        case .inFlight:
            guard let id: UInt16 = reader.number(), let message: UInt64 = reader.number(),
                let publication = messages[message], let (match, qos) = match()
            else { return nil }
            return .inFlight(id, publication, match, qos)
        case .acknowledged: return reader.number().map { .acknowledged($0) }
        case .released: return reader.number().map { .released($0) }
        case .receivedUnmarked: return reader.number().map { .received($0, .unknown) }
        case .received:
            guard let id: UInt16 = reader.number(), let mark: UInt64 = reader.number() else { return nil }
            return .received(id, ContentMark(number: mark))
        case .completed: return reader.number().map { .completed($0) }
        case .session, .message, .kept, .keptOwn, .cleared, .enqueued, .enqueuedOwn, .assigned, .taken, .end: return nil
        }
    }

    // MARK: What they consist of

    private mutating func data() -> [UInt8]? { reader.bytes().map { Array($0) } }

    private mutating func optionalText() -> (text: String?, Void)? {
        guard let isThere = reader.byte() else { return nil }
        guard isThere == 1 else { return (nil, ()) }
        return reader.text().map { ($0, ()) }
    }

    private mutating func expiry(_ flags: UInt8) -> (time: Duration?, Void)? {
        guard flags & 8 != 0 else { return (nil, ()) }
        guard let time: Int64 = reader.number() else { return nil }
        return (clock.time(time), ())
    }

    private mutating func qualities() -> (QoS, expiresAt: Duration?)? {
        guard let flags = reader.byte(), let qos = QoS(rawValue: flags & 3), let expiry = expiry(flags) else {
            return nil
        }
        return (qos, expiry.time)
    }

    private mutating func duration() -> Duration? {
        guard let time: Int64 = reader.number(), time >= 0 else { return nil }
        return .nanoseconds(time)
    }

    private mutating func match() -> (Match, QoS)? {
        guard let flags = reader.byte(), let qos = QoS(rawValue: flags & 3),
            let granted = QoS(rawValue: flags >> 2 & 3)
        else { return nil }
        var (delivery, share): (UInt64?, Int?)
        if flags & 32 != 0 {
            guard let number: UInt64 = reader.number() else { return nil }
            delivery = number
        }
        if flags & 64 != 0 {
            guard let number: UInt32 = reader.number() else { return nil }
            share = Int(number)
        }
        guard
            let count: UInt32 = reader.number(), Int(count) <= reader.rest.count / 4
        else { return nil }
        var identifiers: [UInt32] = []
        for _ in 0..<count {
            guard let identifier: UInt32 = reader.number() else { return nil }
            identifiers.append(identifier)
        }
        let match = Match(
            qos: granted,
            retain: flags & 16 != 0,
            identifiers: identifiers,
            delivery: delivery,
            share: share
        )
        return (match, qos)
    }

    private mutating func will() -> (message: WillMessage?, Void)? {
        guard let isThere = reader.byte() else { return nil }
        guard isThere == 1 else { return (nil, ()) }
        guard let flags = reader.byte(), let qos = QoS(rawValue: flags & 3), let topic = reader.text(),
            let payload = data(), let properties = properties()
        else { return nil }
        let will = WillMessage(
            topic: topic,
            payload: payload,
            qos: qos,
            retain: flags & 16 != 0,
            properties: properties
        )
        return (will, ())
    }

    private mutating func subscription() -> ServerSession.Subscription? {
        guard let number: Int64 = reader.number(), let filter = reader.text(), let flags = reader.byte(),
            let qos = QoS(rawValue: flags & 3),
            let handling = SubscribeRequest.RetainHandling(rawValue: flags >> 4 & 3),
            let identifier: UInt32 = reader.number(), let ruling = optionalText(),
            (1...Int64(UInt32.max)).contains(number)
        else { return nil }
        let entry = SubscribeRequest.Entry(
            filter,
            qos: qos,
            noLocal: flags & 4 != 0,
            retainAsPublished: flags & 8 != 0,
            retainHandling: handling
        )
        return ServerSession.Subscription(
            number: Int(number),
            entry: entry,
            identifier: identifier == 0 ? nil : identifier,
            ruling: ruling.text
        )
    }

    private mutating func properties() -> PropertyList? {
        guard let count: UInt32 = reader.number(), Int(count) <= reader.rest.count else { return nil }
        var all: [PropertyList.Property] = []
        for _ in 0..<count {
            guard let id = reader.byte().flatMap({ PropertyID(rawValue: $0) }), let value = value() else { return nil }
            all.append(.init(id, value))
        }
        return PropertyList(all)
    }

    private mutating func value() -> PropertyList.Value? {
        switch reader.byte() {
        case 0: return reader.number().map { .number($0) }
        case 1: return reader.text().map { .text($0) }
        case 2: return data().map { .data($0) }
        case 3:
            guard let name = reader.text(), let value = reader.text() else { return nil }
            return .pair(name, value)
        default: return nil
        }
    }
}
