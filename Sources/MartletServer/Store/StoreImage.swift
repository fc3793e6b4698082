import Martlet
import MartletMQTTWire

/// What a store holds: what its records make, one after the other. A pure value.
struct StoreImage: Sendable {
    /// Where a session's client came from, and who it has shown to be.
    struct Origin: Sendable, Hashable {
        let user: String?
        let address: String
        let listener: String
    }

    struct Kept: Sendable {
        var session: ServerSession
        var origin: Origin
    }

    private(set) var sessions: [Kept?] = []
    /// By their topics, as MQTT writes them.
    private(set) var retained: [[UInt8]: StoreEntry] = [:]
    /// The messages in queues, by their numbers.
    private(set) var queued: [UInt64: StoredMessage] = [:]
    /// No message or delivery of a queue has a greater number.
    private(set) var lastNumber: UInt64 = 0
    /// When its latest record was written, in nanoseconds since 1970.
    private(set) var time: Int64 = .min
    private var positions: [[UInt8]: Int] = [:]
    private let limits: SessionLimits
    private let clock: WallTime
    // What the file that is being read has introduced.
    private var numbered: [Int: Int] = [:]
    private var messages = IntroducedMessages()

    init(_ limits: SessionLimits, _ clock: WallTime) {
        self.limits = limits
        self.clock = clock
    }

    /// The records of another file come.
    mutating func beginFile() {
        numbered = [:]
        messages = IntroducedMessages()
    }

    /// Does what a record tells.
    ///
    /// - Returns: whether it could be done; otherwise the record is none.
    mutating func apply(_ record: ArraySlice<UInt8>, written time: Int64) -> Bool {
        self.time = max(self.time, time)
        var reader = EntryReader(record, clock)
        while !reader.isAtEnd {
            guard let entry = reader.next(messages), apply(entry) else { return false }
        }
        return true
    }

    private mutating func apply(_ entry: StoreEntry) -> Bool {
        switch entry {
        case .session(let number, let clientID, let origin):
            let key = Array(clientID.utf8)
            let position = positions[key] ?? sessions.count
            if position == sessions.count {
                positions[key] = position
                sessions.append(Kept(session: ServerSession(clientID: clientID, limits: limits), origin: origin))
            } else {
                sessions[position]?.origin = origin
            }
            numbered[number] = position
        case .message(let number, let publication): messages.append(publication, number)
        case .change(let change, let number):
            guard let position = numbered[number], sessions[position] != nil else { return false }
            if case .ended = change {
                if let id = sessions[position]?.session.clientID { positions[Array(id.utf8)] = nil }
                sessions[position] = nil
                numbered[number] = nil
            } else {
                lastNumber = max(lastNumber, change.delivery ?? 0)
                return sessions[position]?.session.apply(change) == true
            }
        case .kept(let publication): keep(entry, for: publication.topic, isEmpty: publication.payload.isEmpty)
        case .keptOwn(let publication):
            keep(entry, for: publication.topic.mqtt, isEmpty: publication.message.body.isEmpty)
        case .cleared(let topic): retained[Array(topic.utf8)] = nil
        case .enqueued(let message):
            queued[message.number] = message
            lastNumber = max(lastNumber, message.number, message.tag)
        case .assigned(let number, let tag):
            queued[number]?.deliveries += 1
            queued[number]?.tag = tag
            lastNumber = max(lastNumber, tag)
        case .taken(let number): queued[number] = nil
        case .end: break
        }
        return true
    }

    private mutating func keep(_ entry: StoreEntry, for topic: String, isEmpty: Bool) {
        retained[Array(topic.utf8)] = isEmpty ? nil : entry
    }
}
