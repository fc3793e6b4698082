import MartletMQTTWire

/// Stands between a broker and libmosquitto, and lets pass what both can bear. A pure value: it is shown packets and says what
/// becomes of them; ``GuardedLink`` reads and writes.
///
/// libmosquitto 2.0 ends the process by an assertion when it meets a property that does not exist, is confused by packet types
/// that no server sends, takes several Subscription Identifiers for an error, keeps a repeated PUBLISH of QoS 2 beside its
/// first copy, and keeps what is under way although the broker has lost the session. So it gets whole and legal packets alone;
/// where something else has to be said to it, or to the broker in its place, the guard says it.
///
/// It lives as long as the library's client, since it knows what that keeps from one link to the next.
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
        case pass
        /// A message of QoS 0, of which the protocol keeps nothing, and which therefore does not concern the library.
        case message(ReceivedMessage)
        case replace(Replacement)
        /// It stays here. The broker is told this, if anything.
        case hold(answer: [UInt8], Reason)
    }

    /// What the library is given in place of a packet.
    struct Replacement: Equatable {
        var bytes: [UInt8]
        /// The Subscription Identifiers of the message that the library hands out when it has read this.
        var subscriptions: [Int] = []
        /// Whether that message is nobody's any more.
        var isDiscarded = false
    }

    /// Why a message stays here.
    enum Reason: Equatable {
        /// The library has it already.
        case repeated
        /// Its topic or a text in it is not one that the library takes.
        case unusable
    }

    /// What becomes of a packet from the library. The count may be more than there is so far: what follows is meant too.
    enum Outbound: Equatable {
        case pass(Int)
        /// It passes, but for its beginning: so many bytes are replaced.
        case change(Int, beginning: Int, into: [UInt8])
        /// The library is told this in place of the broker, if anything.
        case drop(Int, answer: [UInt8])
    }

    private struct Unreleased {
        var bytes: Int
        var subscriptions: [Int]
    }

    private let version: MQTTVersion
    private let limits: Limits

    // MARK: Of one link

    private var isAccepted = false
    /// The largest packet that the broker takes.
    private(set) var maximumPacketSize: Int?
    /// What the broker said of its reason to end the link.
    private(set) var farewell: String?

    // MARK: Of the session

    /// What the broker has sent with QoS 2 and not released, by packet identifier.
    private var unreleased: [UInt16: Unreleased] = [:]
    private var unreleasedBytes = 0
    /// Of messages of QoS 2 that the broker has received.
    private var received: Set<UInt16> = []
    /// Of messages that are not to be sent any more, though the library keeps them.
    private var disowned: Set<UInt16> = []
    /// How many seconds of their lives are left to messages that are sent again.
    private var lifetimes: [UInt16: UInt32] = [:]
    /// Of messages whose PUBREL is not to be sent, since the broker knows nothing of them.
    private var unknown: Set<UInt16> = []
    /// Of PUBCOMPs that are not to be sent.
    private var uncompleted: Set<UInt16> = []

    init(_ version: MQTTVersion, _ limits: Limits) {
        self.version = version
        self.limits = limits
    }

    /// Another link begins.
    mutating func begin() {
        isAccepted = false
        maximumPacketSize = nil
        farewell = nil
    }

    /// Has a message that the library keeps not be sent again. One that the broker has received is finished all the same.
    ///
    /// - Parameter isLost: whether the broker has lost the session, so that nothing of it is to be finished either.
    mutating func disown(_ identifier: UInt16, isLost: Bool = false) {
        disowned.insert(identifier)
        if isLost { unknown.insert(identifier) }
    }

    /// Has a message that is sent again expire after so many seconds, if it expires at all.
    mutating func shorten(_ identifier: UInt16, to seconds: UInt32) { lifetimes[identifier] = seconds }

    /// Whether the broker has said that it has received a message of QoS 2, which is not yet finished.
    func hasReceived(_ identifier: UInt16) -> Bool { received.contains(identifier) }

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
        case .connack: return try connack(&reader)
        case .publish: return try publish(packet, header, &reader)
        case .puback, .pubrec, .pubcomp: return try acknowledgement(header.kind, &reader)
        case .pubrel: return try release(&reader)
        case .suback, .unsuback: return try subscribed(header.kind, &reader)
        case .pingresp:
            try reader.expectEnd()
            return .pass
        case .disconnect: return try disconnect(&reader)
        case .auth: throw PacketFault("AUTH came, and nothing was asked for that it could answer")
        case .connect, .subscribe, .unsubscribe, .pingreq: throw PacketFault("no server sends \(header.kind)")
        }
    }

    private mutating func connack(_ reader: inout PacketReader) throws(PacketFault) -> Inbound {
        let start = reader
        let flags = try reader.byte()
        guard flags < 2 else { throw PacketFault("the flags of CONNACK are \(flags)") }
        let reason = try reader.byte()
        // A broker that does not speak MQTT 5 says so as MQTT 3.1.1 does.
        if version == .v311 || reason == 1 && reader.count == 0 {
            try reader.expectEnd()
        } else {
            let properties = try CheckedProperties(&reader, of: .connack)
            try reader.expectEnd()
            maximumPacketSize = properties.maximumPacketSize
        }
        isAccepted = true
        guard reason == 0 else { return .pass }
        if flags == 0 { received.removeAll() }
        let forgotten = flags == 0 ? forgetUnreleased() : []
        guard maximumPacketSize != nil || !forgotten.isEmpty else { return .pass }
        // The library would end the process over a message that it keeps and that is too large now.
        var copy = start
        var body = try [copy.byte(), copy.byte()]
        if version == .v5 { body += try copy.properties(without: .maximumPacketSize) }
        return .replace(Replacement(bytes: Self.packet(.connack, body) + forgotten, isDiscarded: true))
    }

    /// The broker has no messages to release: has the library let go of what it keeps of them.
    ///
    /// - Returns: the packets by which it does.
    private mutating func forgetUnreleased() -> [UInt8] {
        let packets = unreleased.keys.flatMap { Self.packet(.pubrel, Self.bytes($0)) }
        uncompleted.formUnion(unreleased.keys)
        unreleased.removeAll()
        unreleasedBytes = 0
        return packets
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
            return .hold(answer: Self.packet(.pubrec, Self.bytes(identifier)), .repeated)
        }
        let isTopic = !topic.bytes.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
        guard topic.isFine, properties.isFine, isTopic else {
            let answer: PacketKind? = [1: .puback, 2: .pubrec][header.quality]
            return .hold(answer: answer.map { Self.packet($0, Self.bytes(identifier)) } ?? [], .unusable)
        }
        guard header.quality > 0 else {
            var copy = start
            let list = version == .v5 ? try copy.properties() : PropertyList()
            return .message(
                ReceivedMessage(
                    topic: String(decoding: topic.bytes, as: UTF8.self),
                    body: Array(packet[copy.position...]),
                    quality: 0,
                    isRetained: header.flags & 1 == 1,
                    list
                )
            )
        }
        let several = properties.hasSeveralSubscriptions ? properties.subscriptions : []
        if header.quality == 2 {
            try note(Unreleased(bytes: packet.count, subscriptions: several), identifier)
        }
        guard !several.isEmpty else { return .pass }
        var copy = start
        var body = Array(packet[header.length..<start.position])
        body += try copy.properties(without: .subscriptionIdentifier)
        body += packet[copy.position...]
        return .replace(
            Replacement(
                bytes: [packet[0]] + PacketHeader.length(body.count) + body,
                // Those of QoS 2 are handed out when they are released.
                subscriptions: header.quality == 2 ? [] : several
            )
        )
    }

    private mutating func note(_ message: Unreleased, _ identifier: UInt16) throws(PacketFault) {
        guard unreleased.count < limits.unreleased else {
            throw PacketFault(
                "\(unreleased.count + 1) messages of QoS 2 that it has not released; the options allow \(limits.unreleased)"
            )
        }
        guard unreleased.isEmpty || unreleasedBytes + message.bytes <= limits.unreleasedBytes else {
            throw PacketFault(
                "messages of QoS 2 of \(unreleasedBytes + message.bytes) bytes that it has not released; the options allow "
                    + "\(limits.unreleasedBytes)"
            )
        }
        unreleased[identifier] = message
        unreleasedBytes += message.bytes
    }

    private mutating func release(_ reader: inout PacketReader) throws(PacketFault) -> Inbound {
        let (identifier, _, isShort) = try answer(.pubrel, &reader)
        let message = unreleased.removeValue(forKey: identifier)
        unreleasedBytes -= message?.bytes ?? 0
        if isShort, message?.subscriptions.isEmpty ?? true { return .pass }
        return .replace(
            Replacement(
                bytes: Self.packet(.pubrel, Self.bytes(identifier)),
                subscriptions: message?.subscriptions ?? []
            )
        )
    }

    private mutating func acknowledgement(
        _ kind: PacketKind,
        _ reader: inout PacketReader
    ) throws(PacketFault) -> Inbound {
        let (identifier, reason, isShort) = try answer(kind, &reader)
        if kind == .pubrec, reason < 0x80 { received.insert(identifier) }
        if kind == .pubcomp { received.remove(identifier) }
        // The properties are of no use to the library, which does not always free them.
        return isShort ? .pass : .replace(Replacement(bytes: Self.packet(kind, Self.bytes(identifier) + [reason])))
    }

    /// Reads the answer to a message.
    ///
    /// - Returns: its packet identifier, its reason, and whether it has nothing else.
    private func answer(
        _ kind: PacketKind,
        _ reader: inout PacketReader
    ) throws(PacketFault) -> (identifier: UInt16, reason: UInt8, isShort: Bool) {
        let identifier = try reader.identifier()
        guard version == .v5, reader.count > 0 else {
            try reader.expectEnd()
            return (identifier, 0, true)
        }
        let reason = try reader.byte()
        guard reader.count > 0 else { return (identifier, reason, true) }
        _ = try CheckedProperties(&reader, of: kind)
        try reader.expectEnd()
        return (identifier, reason, false)
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
            farewell = try CheckedProperties(&reader, of: .disconnect).reason
            try reader.expectEnd()
        }
        return .replace(Replacement(bytes: Self.packet(.disconnect, [reason])))
    }

    // MARK: From the library

    /// Looks at the beginning of what the library has written, which begins with a packet.
    ///
    /// - Returns: `nil` if there is too little to tell.
    mutating func outbound(_ bytes: UnsafeRawBufferPointer) throws(PacketFault) -> Outbound? {
        guard let header = try PacketHeader(bytes) else { return nil }
        switch header.kind {
        case .publish:
            let isTooLarge = header.total > maximumPacketSize ?? .max
            guard isTooLarge || !disowned.isEmpty || !lifetimes.isEmpty else { return .pass(header.total) }
            guard let identifier = identifier(in: bytes, header) else { return nil }
            if let verdict = withheld(identifier, header, isTooLarge) { return verdict }
            return lifetimes[identifier].map { shortened(bytes, header, identifier, $0) } ?? .pass(header.total)
        case .pubrel where !disowned.isEmpty || !unknown.isEmpty:
            guard let identifier = Self.identifier(in: bytes, at: header.length) else { return nil }
            disowned.remove(identifier)
            guard unknown.remove(identifier) != nil else { return .pass(header.total) }
            return .drop(header.total, answer: Self.packet(.pubcomp, Self.bytes(identifier)))
        case .pubcomp where !uncompleted.isEmpty:
            guard let identifier = Self.identifier(in: bytes, at: header.length) else { return nil }
            return uncompleted.remove(identifier) == nil ? .pass(header.total) : .drop(header.total, answer: [])
        default:
            return .pass(header.total)
        }
    }

    private mutating func withheld(_ identifier: UInt16, _ header: PacketHeader, _ isTooLarge: Bool) -> Outbound? {
        let isDisowned = disowned.remove(identifier) != nil
        guard isDisowned || isTooLarge else { return nil }
        lifetimes[identifier] = nil
        // Packet too large (3.4.2.1): no broker that states a limit speaks another version.
        let reason: [UInt8] = isDisowned ? [] : [0x95]
        if header.quality == 2, isDisowned { unknown.insert(identifier) }
        let kind: PacketKind = header.quality == 2 ? .pubrec : .puback
        return .drop(header.total, answer: Self.packet(kind, Self.bytes(identifier) + reason))
    }

    /// - Returns: `nil` if there is too little to tell.
    private mutating func shortened(
        _ bytes: UnsafeRawBufferPointer,
        _ header: PacketHeader,
        _ identifier: UInt16,
        _ seconds: UInt32
    ) -> Outbound? {
        guard let topic = Self.identifier(in: bytes, at: header.length) else { return nil }
        var reader = PacketReader(bytes, from: header.length + 2 + Int(topic) + 2)
        // The length of the properties, the identifier and the number.
        guard reader.count >= min(9, header.total - reader.position) else { return nil }
        lifetimes[identifier] = nil
        guard let length = try? reader.variable(), length >= 5,
            (try? reader.byte()) == PropertyID.messageExpiryInterval.rawValue
        else { return .pass(header.total) }
        let number = stride(from: UInt32(24), through: 0, by: -8).map { UInt8(truncatingIfNeeded: seconds >> $0) }
        return .change(header.total, beginning: reader.position + 4, into: Array(bytes[..<reader.position]) + number)
    }

    /// The packet identifier of a PUBLISH, which comes after the topic.
    private func identifier(in bytes: UnsafeRawBufferPointer, _ header: PacketHeader) -> UInt16? {
        guard let length = Self.identifier(in: bytes, at: header.length) else { return nil }
        return Self.identifier(in: bytes, at: header.length + 2 + Int(length))
    }

    private static func identifier(in bytes: UnsafeRawBufferPointer, at position: Int) -> UInt16? {
        guard position + 2 <= bytes.count else { return nil }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    // MARK: Packets

    private static func bytes(_ identifier: UInt16) -> [UInt8] { [UInt8(identifier >> 8), UInt8(identifier & 0xff)] }

    private static func packet(_ kind: PacketKind, _ body: [UInt8]) -> [UInt8] {
        [kind.rawValue << 4 | (kind.flags ?? 0)] + PacketHeader.length(body.count) + body
    }
}
