import MartletMQTTWire
import MartletTesting

/// A client that does what MQTT asks of one.
struct ModelClient {
    /// A message of its own that is not done with.
    struct Sent {
        var publish: Publish
        var isReleased = false
    }

    let id: String
    let version: ProtocolVersion
    let keepAlive: UInt16
    let receiveMaximum: UInt16?
    let aliasMaximum: UInt16
    /// How long its sessions are kept, where it can say so.
    let expiry: UInt32

    /// The number of the link that it uses.
    var link: Int?
    /// Whether the broker has answered its CONNECT.
    var isUp = false
    /// Whether the broker has begun a session anew, perhaps in an answer that got lost. No client can know that then: it takes
    /// the next session for the old one, and new messages under old identifiers for those that it has. That hole is the
    /// protocol's, and no fault of the broker.
    var isForgotten = false
    /// Whether it has asked for a session of its own from the beginning, and was not answered yet: it asks until it is.
    private var beginsAnew = false
    private(set) var sent: [Sent] = []
    /// Messages of QoS 2 that it has, until they are released.
    private var received: Set<UInt16> = []
    private var lastID: UInt16 = 0
    /// Identifiers of its requests.
    private var asked: Set<UInt16> = []
    /// How many messages the broker takes at a time.
    private var brokersMaximum = Int(UInt16.max)
    private var brokersAliases = 0
    private var ownAliases: [String: UInt16] = [:]
    private var aliases: [UInt16: String] = [:]

    init(_ number: Int, _ random: inout SplitMix64) {
        id = "c\(number)"
        version = random.chance(65) ? .v5 : .v311
        keepAlive = random.chance(50) ? 0 : 30
        receiveMaximum = random.chance(50) ? UInt16(1 + random.below(3)) : nil
        aliasMaximum = random.chance(30) ? 2 : 0
        expiry = random.pick([0, 5, 60, 1_000, .max])
    }

    /// Whether it may publish one more with a guarantee.
    var hasRoom: Bool { sent.count < brokersMaximum }
    /// Whether everything that it has asked for is answered.
    var isAtRest: Bool { sent.isEmpty && asked.isEmpty && received.isEmpty }

    // MARK: Connecting

    mutating func connect(cleanStart: Bool, will: WillMessage?) -> Connect {
        (isUp, aliases, ownAliases, asked) = (false, [:], [:], [])
        if cleanStart { (beginsAnew, sent, received) = (true, [], []) }
        var connect = Connect(version: version, clientID: id, cleanStart: beginsAnew, keepAlive: keepAlive, will: will)
        if version == .v5 {
            if expiry > 0 { connect.properties.add(.sessionExpiryInterval, expiry) }
            if let receiveMaximum { connect.properties.add(.receiveMaximum, UInt32(receiveMaximum)) }
            if aliasMaximum > 0 { connect.properties.add(.topicAliasMaximum, UInt32(aliasMaximum)) }
        }
        return connect
    }

    /// Its link is gone.
    mutating func loseLink() {
        (link, isUp, asked) = (nil, false, [])
    }

    // MARK: Asking

    mutating func makeID() -> UInt16 {
        repeat {
            lastID = lastID % 200 + 1
        } while asked.contains(lastID) || sent.contains { $0.publish.packetID == lastID }
        return lastID
    }

    mutating func ask() -> UInt16 {
        let id = makeID()
        asked.insert(id)
        return id
    }

    /// A message as it is sent: with an identifier, and a number for its topic now and then.
    mutating func publish(_ publish: Publish, _ random: inout SplitMix64) -> Packet {
        var publish = publish
        if publish.qos > .atMostOnce {
            publish.packetID = makeID()
            sent.append(Sent(publish: publish))
        }
        guard version == .v5, brokersAliases > 0, random.chance(40) else { return .publish(publish) }
        if let alias = ownAliases[publish.topic] {
            publish.properties.add(.topicAlias, UInt32(alias))
            publish.topic = ""
        } else if ownAliases.count < brokersAliases {
            let alias = UInt16(ownAliases.count + 1)
            ownAliases[publish.topic] = alias
            publish.properties.add(.topicAlias, UInt32(alias))
        }
        return .publish(publish)
    }

    // MARK: Hearing

    /// Takes a packet of the broker.
    ///
    /// - Returns: what it answers.
    mutating func receive(_ packet: Packet) throws -> [Packet] {
        switch packet {
        case .connack(let connack): return try connected(connack)
        case .publish(let publish): return try receive(publish)
        case .puback(let answer):
            try remove(answer.packetID, .atLeastOnce, isReleased: false)
        case .pubrec(let answer):
            guard let index = sent.firstIndex(where: { $0.publish.packetID == answer.packetID }),
                sent[index].publish.qos == .exactlyOnce
            else { throw Violation("\(id): a PUBREC for nothing: \(answer)") }
            if answer.reason.isError {
                sent.remove(at: index)
                return []
            }
            sent[index].isReleased = true
            return [.pubrel(Acknowledgement(answer.packetID))]
        case .pubcomp(let answer):
            try remove(answer.packetID, .exactlyOnce, isReleased: true)
        case .pubrel(let answer):
            received.remove(answer.packetID)
            return [.pubcomp(Acknowledgement(answer.packetID))]
        case .suback(let answer):
            guard asked.remove(answer.packetID) != nil else { throw Violation("\(id): a SUBACK for nothing") }
        case .unsuback(let answer):
            guard asked.remove(answer.packetID) != nil else { throw Violation("\(id): an UNSUBACK for nothing") }
        case .pingresp, .disconnect: break
        default: throw Violation("\(id): a broker does not send \(packet.kind)")
        }
        return []
    }

    private mutating func remove(_ id: UInt16, _ qos: QoS, isReleased: Bool) throws {
        guard let index = sent.firstIndex(where: { $0.publish.packetID == id }), sent[index].publish.qos == qos,
            sent[index].isReleased == isReleased
        else { throw Violation("\(self.id): \(id) is acknowledged and is not under way so") }
        sent.remove(at: index)
    }

    /// The broker has taken its connection: what was under way is said again, if the broker still knows of it.
    private mutating func connected(_ connack: Connack) throws -> [Packet] {
        guard connack.reason == .success else { throw Violation("\(id) is not let in: \(connack.reason)") }
        isUp = true
        brokersMaximum = connack.properties.number(.receiveMaximum).map { Int($0) } ?? Int(UInt16.max)
        brokersAliases = connack.properties.number(.topicAliasMaximum).map { Int($0) } ?? 0
        if isForgotten { received = [] }
        (isForgotten, beginsAnew) = (false, false)
        guard connack.sessionPresent else {
            (sent, received) = ([], [])
            return []
        }
        return sent.map { sent in
            if sent.isReleased { return .pubrel(Acknowledgement(sent.publish.packetID)) }
            var publish = sent.publish
            publish.isDuplicate = true
            return .publish(publish)
        }
    }

    private mutating func receive(_ publish: Publish) throws -> [Packet] {
        if let number = publish.properties.number(.topicAlias) {
            guard number > 0, number <= aliasMaximum else { throw Violation("\(id): alias \(number) is not taken") }
            if publish.topic.isEmpty {
                guard aliases[UInt16(number)] != nil else { throw Violation("\(id): alias \(number) means nothing") }
            } else {
                aliases[UInt16(number)] = publish.topic
            }
        }
        switch publish.qos {
        case .atMostOnce: return []
        case .atLeastOnce: return [.puback(Acknowledgement(publish.packetID))]
        case .exactlyOnce:
            if !received.insert(publish.packetID).inserted, !publish.isDuplicate {
                throw Violation("\(id): a new message under \(publish.packetID), which is not released")
            }
            return [.pubrec(Acknowledgement(publish.packetID))]
        }
    }
}
