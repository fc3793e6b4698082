import MartletMQTTWire

/// Stands between a broker and libmosquitto, and decides of each packet from the broker whose it is. A pure value: it is shown
/// packets and says what becomes of them; ``GuardedLink`` reads and writes.
///
/// Messages and the answers to them are not the library's. Of the rest it gets whole and legal packets alone: libmosquitto 2.0
/// ends the process by an assertion when it meets a property that does not exist, and is confused by packet types that no server
/// sends.
///
/// It lives as long as the library's client, since it has what is kept from one link to the next.
struct PacketGuard {
    /// How much the broker may send.
    struct Limits: Equatable {
        /// Of the largest packet, in bytes.
        var packetBytes: Int
        /// Of all messages of QoS 2 that it has not released, in bytes; one may be larger.
        var unreleasedBytes: Int
        /// How many there may be of those.
        var unreleased: Int
    }

    /// What becomes of a packet from the broker.
    enum Inbound: Equatable {
        /// It is the library's.
        case pass
        /// The library is given this in its place.
        case replace([UInt8])
        /// A message is to be handed out. The broker is told this, if anything, once it is with its reader.
        case message(ReceivedMessage, answer: [UInt8])
        /// The broker's word on a message that was sent to it.
        case answer(Answer)
        /// There is nothing to be handed out. The broker is told this, if anything.
        case hold(answer: [UInt8], isUnusable: Bool)
    }

    /// What the broker says of a message that was sent to it.
    struct Answer: Equatable {
        /// PUBACK, PUBREC or PUBCOMP.
        let kind: PacketKind
        let identifier: UInt16
        let reason: UInt8
        var words = BrokerWords()
    }

    private struct Unreleased {
        /// `nil` for one that is handed to nobody.
        let message: ReceivedMessage?
        let bytes: Int
    }

    private let version: MQTTVersion
    private let limits: Limits

    // MARK: Of one link

    private var isAccepted = false
    /// The largest packet that the broker takes.
    private(set) var maximumPacketSize: Int?
    /// What the broker said of its reason to end the link.
    private(set) var farewell = BrokerWords()

    // MARK: Of the session

    /// What the broker has sent with QoS 2 and not released, by packet identifier.
    private var unreleased: [UInt16: Unreleased] = [:]
    private var unreleasedBytes = 0

    init(_ version: MQTTVersion, _ limits: Limits) {
        self.version = version
        self.limits = limits
    }

    /// Another link begins.
    mutating func begin() {
        isAccepted = false
        maximumPacketSize = nil
        farewell = BrokerWords()
    }

    // MARK: From the broker

    /// Looks at the beginning of what has come.
    ///
    /// - Returns: `nil` if there is too little to tell.
    /// - Throws: if that is no packet, or none that may come now.
    func header(of bytes: UnsafeRawBufferPointer) throws(PacketFault) -> PacketHeader? {
        // The type alone is enough to refuse what speaks another protocol.
        if let first = bytes.first {
            guard let kind = PacketKind(rawValue: first >> 4),
                kind.isReceived(by: .client, version == .v5 ? .v5 : .v311)
            else {
                throw PacketFault("no server sends a packet of the type \(first >> 4)")
            }
            guard isAccepted != (kind == .connack) else {
                throw PacketFault(isAccepted ? "a second CONNACK" : "\(kind) came before CONNACK")
            }
        }
        guard let header = try PacketHeader(bytes) else { return nil }
        guard header.total <= limits.packetBytes else {
            throw PacketFault(
                "a packet of \(header.total) bytes; the options allow \(limits.packetBytes)"
            )
        }
        return header
    }

    /// Looks at a whole packet.
    ///
    /// - Throws: if it is not as the protocol has it.
    mutating func inbound(_ packet: UnsafeRawBufferPointer, _ header: PacketHeader) throws(PacketFault) -> Inbound {
        var reader = PacketReader(packet, from: header.length)
        switch header.kind {
        case .connack: return try connack(packet, &reader)
        case .publish: return try publish(packet, header, &reader)
        case .puback, .pubrec, .pubcomp: return .answer(try answer(header.kind, &reader))
        case .pubrel: return try release(&reader)
        case .suback, .unsuback: return try subscribed(header.kind, &reader)
        case .pingresp:
            try reader.expectEnd()
            return .hold(answer: [], isUnusable: false)
        case .disconnect: return try disconnect(&reader)
        case .auth: throw PacketFault("AUTH came, and nothing was asked for that it could answer")
        case .connect, .subscribe, .unsubscribe, .pingreq: throw PacketFault("no server sends \(header.kind)")
        }
    }

    private mutating func connack(
        _ packet: UnsafeRawBufferPointer,
        _ reader: inout PacketReader
    ) throws(PacketFault) -> Inbound {
        var verdict = Inbound.pass
        let flags = try reader.byte()
        guard flags < 2 else { throw PacketFault("the flags of CONNACK are \(flags)") }
        let reason = try reader.byte()
        // A broker that does not speak MQTT 5 says so as MQTT 3.1.1 does.
        if version == .v311 || reason == 1 && reader.count == 0 {
            try reader.expectEnd()
        } else {
            var list = reader
            let properties = try CheckedProperties(&reader, of: .connack)
            try reader.expectEnd()
            maximumPacketSize = properties.maximumPacketSize
            if let needless = properties.assignedIdentifier {
                // The library ends a link over an identifier that it did not ask for.
                let count = try list.variable() - needless.count
                verdict = .replace(
                    Self.packet(
                        .connack,
                        [flags, reason] + PacketHeader.length(count) + packet[list.position..<needless.lowerBound]
                            + packet[needless.upperBound...]
                    )
                )
            }
        }
        isAccepted = true
        // Without the session the broker has nothing to release.
        if reason == 0, flags == 0 {
            unreleased.removeAll()
            unreleasedBytes = 0
        }
        return verdict
    }

    private mutating func publish(
        _ packet: UnsafeRawBufferPointer,
        _ header: PacketHeader,
        _ reader: inout PacketReader
    ) throws(PacketFault) -> Inbound {
        guard header.quality < 3 else { throw PacketFault("a PUBLISH has the quality of service 3") }
        let topic = try reader.text()
        let identifier = header.quality > 0 ? try reader.identifier() : 0
        let start = reader
        let properties = version == .v5 ? try CheckedProperties(&reader, of: .publish) : CheckedProperties()
        // None was allowed in CONNECT, so that each message has its topic.
        guard !properties.has(.topicAlias) else {
            throw PacketFault("a PUBLISH has a topic alias, and none is allowed")
        }
        guard !topic.bytes.isEmpty else { throw PacketFault("a PUBLISH has no topic") }
        if header.quality == 2, unreleased[identifier] != nil {
            // It has come before.
            return .hold(answer: Self.packet(.pubrec, identifier), isUnusable: false)
        }
        let answer = Self.answer(to: header.quality, identifier)
        let isTopic = !topic.bytes.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
        guard topic.isFine, properties.isFine, isTopic else {
            if header.quality == 2 { try keep(nil, bytes: 0, identifier) }
            return .hold(answer: answer, isUnusable: true)
        }
        var copy = start
        let list = version == .v5 ? try copy.properties() : PropertyList()
        let message = ReceivedMessage(
            topic: String(decoding: topic.bytes, as: UTF8.self),
            body: Array(packet[copy.position...]),
            quality: Int(header.quality),
            isRetained: header.flags & 1 == 1,
            list
        )
        guard header.quality == 2 else { return .message(message, answer: answer) }
        try keep(message, bytes: packet.count, identifier)
        return .hold(answer: answer, isUnusable: false)
    }

    /// What a message is answered by; empty where it is by nothing.
    private static func answer(to quality: UInt8, _ identifier: UInt16) -> [UInt8] {
        switch quality {
        case 0: []
        case 1: packet(.puback, identifier)
        default: packet(.pubrec, identifier)
        }
    }

    private mutating func keep(
        _ message: ReceivedMessage?,
        bytes: Int,
        _ identifier: UInt16
    ) throws(PacketFault) {
        guard unreleased.count < limits.unreleased else {
            throw PacketFault(
                "\(unreleased.count + 1) messages of QoS 2 that it has not released; the options allow \(limits.unreleased)"
            )
        }
        guard unreleased.isEmpty || unreleasedBytes + bytes <= limits.unreleasedBytes else {
            throw PacketFault(
                "messages of QoS 2 of \(unreleasedBytes + bytes) bytes that it has not released; the options allow "
                    + "\(limits.unreleasedBytes)"
            )
        }
        unreleased[identifier] = Unreleased(message: message, bytes: bytes)
        unreleasedBytes += bytes
    }

    private mutating func release(_ reader: inout PacketReader) throws(PacketFault) -> Inbound {
        let identifier = try answer(.pubrel, &reader).identifier
        let known = unreleased.removeValue(forKey: identifier)
        unreleasedBytes -= known?.bytes ?? 0
        let answer = Self.packet(.pubcomp, identifier)
        return known?.message.map { .message($0, answer: answer) } ?? .hold(answer: answer, isUnusable: false)
    }

    private func answer(_ kind: PacketKind, _ reader: inout PacketReader) throws(PacketFault) -> Answer {
        let identifier = try reader.identifier()
        guard version == .v5, reader.count > 0 else {
            try reader.expectEnd()
            return Answer(kind: kind, identifier: identifier, reason: 0)
        }
        var answer = Answer(kind: kind, identifier: identifier, reason: try reader.byte())
        if reader.count > 0 {
            answer.words = try CheckedProperties(&reader, of: kind).words
            try reader.expectEnd()
        }
        return answer
    }

    private func subscribed(_ kind: PacketKind, _ reader: inout PacketReader) throws(PacketFault) -> Inbound {
        _ = try reader.identifier()
        if version == .v5 { _ = try CheckedProperties(&reader, of: kind) }
        if kind == .suback {
            guard reader.count > 0 else { throw PacketFault("a SUBACK without an answer") }
        } else if version == .v311 {
            try reader.expectEnd()
        }
        return .pass
    }

    private mutating func disconnect(_ reader: inout PacketReader) throws(PacketFault) -> Inbound {
        let reason = reader.count > 0 ? try reader.byte() : 0
        if reader.count > 0 {
            farewell = try CheckedProperties(&reader, of: .disconnect).words
            try reader.expectEnd()
        }
        return .replace(Self.packet(.disconnect, [reason]))
    }

    // MARK: Packets

    /// An answer that says nothing else.
    static func packet(_ kind: PacketKind, _ identifier: UInt16) -> [UInt8] {
        [kind.rawValue << 4 | (kind.flags ?? 0), 2, UInt8(identifier >> 8), UInt8(identifier & 0xff)]
    }

    private static func packet(_ kind: PacketKind, _ body: [UInt8]) -> [UInt8] {
        [kind.rawValue << 4 | (kind.flags ?? 0)] + PacketHeader.length(body.count) + body
    }
}
