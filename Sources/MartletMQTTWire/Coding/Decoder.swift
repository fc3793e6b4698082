/// Reads packets from bytes.
///
/// Nothing is kept of a packet before its first byte and its length are found to be in order: what a peer may not send at
/// all, or what is too long, is refused before it has arrived.
package struct Decoder: Sendable {
    /// What a look at the bytes has found.
    package enum Step: Sendable {
        /// A packet, and how many bytes it had.
        case packet(Packet, byteCount: Int)
        /// There is no whole packet yet: it, or what can be told of it, ends with so many bytes.
        case incomplete(Int)
    }

    /// The end of the link that reads.
    package let role: Role
    package var limits: WireLimits
    /// A server learns it from CONNECT, which comes first.
    package private(set) var version: ProtocolVersion?

    /// Of a server, for one connection.
    package init(limits: WireLimits = WireLimits()) {
        role = .server
        self.limits = limits
    }

    /// Of a client that has said CONNECT, or of a server that has read it.
    package init(_ role: Role, _ version: ProtocolVersion, limits: WireLimits = WireLimits()) {
        self.role = role
        self.version = version
        self.limits = limits
    }

    /// Reads the packet that begins at a position.
    ///
    /// - Throws: what is wrong with it. Then nothing more can be read from this link.
    package mutating func next(_ bytes: RawSpan, from start: Int = 0) throws(WireFault) -> Step {
        let available = bytes.byteCount - start
        guard available >= 2 else {
            if available == 1 { _ = try kind(bytes.byte(at: start)) }
            return .incomplete(2)
        }
        let first = bytes.byte(at: start)
        let kind = try kind(first)
        guard let (length, size) = try length(bytes, from: start + 1) else { return .incomplete(available + 1) }
        let total = 1 + size + length
        try check(kind, length: length, total: total)
        guard available >= total else { return .incomplete(total) }
        var reader = PacketReader(bytes, from: start + 1 + size, to: start + total, limits)
        let packet = try packet(kind, flags: first & 0x0F, &reader)
        return .packet(packet, byteCount: total)
    }

    // MARK: The first byte and the length

    private func kind(_ first: UInt8) throws(WireFault) -> PacketKind {
        guard let kind = PacketKind(rawValue: first >> 4) else { throw .malformed("there is no such kind of packet") }
        guard let version else {
            guard kind == .connect else { throw .protocolError("the first packet is no CONNECT") }
            // Only what follows tells whether they mean something.
            return kind
        }
        guard kind.isReceived(by: role, version), kind != .connect || role == .client else {
            throw .protocolError(
                kind == .connect ? "it is a second CONNECT" : "it is of a kind that only the other side sends"
            )
        }
        guard kind.takes(flags: first & 0x0F, version) else { throw Self.wrongFlags }
        return kind
    }

    private static let wrongFlags = WireFault.malformed("its first byte has flags that it can't have")

    /// - Returns: the length and how many bytes it is written in; `nil` if that is not all there.
    private func length(_ bytes: RawSpan, from start: Int) throws(WireFault) -> (Int, size: Int)? {
        var length = 0
        for place in 0..<4 {
            guard start + place < bytes.byteCount else { return nil }
            let byte = bytes.byte(at: start + place)
            length |= Int(byte & 0x7F) << (7 * place)
            guard byte < 0x80 else { continue }
            guard byte > 0 || place == 0 else { throw .malformed("its length is longer than it needs to be") }
            return (length, place + 1)
        }
        throw .malformed("its length has more than four bytes")
    }

    private func check(_ kind: PacketKind, length: Int, total: Int) throws(WireFault) {
        let limit = kind == .connect ? min(limits.connectBytes, limits.packetBytes) : limits.packetBytes
        guard total <= limit else {
            throw WireFault(.packetTooLarge, "it has \(total) bytes, at most \(limit) are allowed")
        }
        let least =
            switch kind {
            case .connect: 12
            case .publish: 2
            case .connack, .puback, .pubrec, .pubrel, .pubcomp, .unsuback: 2
            case .subscribe, .unsubscribe, .suback: 3
            case .pingreq, .pingresp, .disconnect, .auth: 0
            }
        guard length >= least else { throw .malformed("it ends too early") }
        let isEmpty = kind == .pingreq || kind == .pingresp || (kind == .disconnect && version != .v5)
        guard length == 0 || !isEmpty else { throw .malformed("there is something behind its end") }
    }

    // MARK: What follows

    private mutating func packet(
        _ kind: PacketKind,
        flags: UInt8,
        _ reader: inout PacketReader
    ) throws(WireFault) -> Packet {
        guard let version else {
            let connect = try Self.connect(&reader)
            guard kind.takes(flags: flags, connect.version) else {
                var fault = Self.wrongFlags
                fault.answer = connect.version
                throw fault
            }
            self.version = connect.version
            return .connect(connect)
        }
        switch kind {
        case .connect: return .connect(try Self.connect(&reader))
        case .connack: return .connack(try Self.connack(version, &reader))
        case .publish: return .publish(try publish(version, flags: flags, &reader))
        case .puback: return .puback(try Self.acknowledgement(kind, .puback, version, &reader))
        case .pubrec: return .pubrec(try Self.acknowledgement(kind, .pubrec, version, &reader))
        case .pubrel: return .pubrel(try Self.acknowledgement(kind, .pubrel, version, &reader))
        case .pubcomp: return .pubcomp(try Self.acknowledgement(kind, .pubcomp, version, &reader))
        case .subscribe: return .subscribe(try subscribe(version, &reader))
        case .suback: return .suback(try Self.suback(version, &reader))
        case .unsubscribe: return .unsubscribe(try unsubscribe(version, &reader))
        case .unsuback: return .unsuback(try Self.unsuback(version, &reader))
        case .pingreq: return .pingreq
        case .pingresp: return .pingresp
        case .disconnect:
            guard reader.count > 0 else { return .disconnect(Disconnect()) }
            let reason = try reader.reason(of: .disconnect)
            guard reader.count > 0 else { return .disconnect(Disconnect(reason)) }
            let properties = try reader.properties(in: .disconnect)
            try reader.expectEnd()
            return .disconnect(Disconnect(reason, properties: properties))
        case .auth:
            guard reader.count > 0 else { return .auth(Auth()) }
            let reason = try reader.reason(of: .auth)
            guard reader.count > 0 else { return .auth(Auth(reason)) }
            let properties = try reader.properties(in: .auth)
            try reader.expectEnd()
            return .auth(Auth(reason, properties: properties))
        }
    }

    private func publish(
        _ version: ProtocolVersion,
        flags: UInt8,
        _ reader: inout PacketReader
    ) throws(WireFault) -> Publish {
        guard let qos = QoS(rawValue: flags >> 1 & 3) else { throw .malformed("its quality of service is 3") }
        let isDuplicate = flags & 0b1000 != 0
        guard qos > .atMostOnce || !isDuplicate else { throw .malformed("it is a duplicate of QoS 0") }
        let topic = try reader.text()
        guard topic.isEmpty || TextRules.isTopicName(topic) else { throw .malformed("its topic has a wildcard") }
        let id = qos > .atMostOnce ? try reader.packetID() : 0
        let properties = version == .v5 ? try reader.properties(in: .publish) : PropertyList()
        if topic.isEmpty, !properties.has(.topicAlias) {
            throw version == .v5
                ? .protocolError("it has neither a topic nor an alias for one") : .malformed("its topic is empty")
        }
        if role == .server, properties.has(.subscriptionIdentifier) {
            throw .protocolError("it is published with a subscription identifier")
        }
        return Publish(
            topic: topic,
            payload: try reader.data(reader.count),
            qos: qos,
            retain: flags & 1 != 0,
            isDuplicate: isDuplicate,
            packetID: id,
            properties: properties
        )
    }

    private static func acknowledgement(
        _ kind: PacketKind,
        _ place: PropertyPlace,
        _ version: ProtocolVersion,
        _ reader: inout PacketReader
    ) throws(WireFault) -> Acknowledgement {
        let id = try reader.packetID()
        var acknowledgement = Acknowledgement(id)
        guard version == .v5, reader.count > 0 else {
            try reader.expectEnd()
            return acknowledgement
        }
        acknowledgement.reason = try reader.reason(of: kind)
        if reader.count > 0 { acknowledgement.properties = try reader.properties(in: place) }
        try reader.expectEnd()
        return acknowledgement
    }

    private func subscribe(_ version: ProtocolVersion, _ reader: inout PacketReader) throws(WireFault)
        -> SubscribeRequest
    {
        let id = try reader.packetID()
        let properties = version == .v5 ? try reader.properties(in: .subscribe) : PropertyList()
        var entries: [SubscribeRequest.Entry] = []
        while reader.count > 0 {
            let filter = try self.filter(&reader, among: entries.count)
            let options = try reader.byte()
            guard let qos = QoS(rawValue: options & 3) else { throw .malformed("its quality of service is 3") }
            var entry = SubscribeRequest.Entry(filter.text, qos: qos)
            guard version == .v5 else {
                guard options & 0b1111_1100 == 0 else { throw .malformed("its options have bits that mean nothing") }
                entries.append(entry)
                continue
            }
            guard options & 0b1100_0000 == 0 else { throw .malformed("its options have bits that mean nothing") }
            guard let handling = SubscribeRequest.RetainHandling(rawValue: options >> 4 & 3) else {
                throw .protocolError("its retain handling is 3")
            }
            entry.noLocal = options & 0b0100 != 0
            entry.retainAsPublished = options & 0b1000 != 0
            entry.retainHandling = handling
            guard filter.group == nil || !entry.noLocal else {
                throw .protocolError("a subscription that is shared leaves out its own messages")
            }
            entries.append(entry)
        }
        guard !entries.isEmpty else { throw .protocolError("it has no filter") }
        return SubscribeRequest(id, entries, properties: properties)
    }

    private func unsubscribe(_ version: ProtocolVersion, _ reader: inout PacketReader) throws(WireFault)
        -> UnsubscribeRequest
    {
        let id = try reader.packetID()
        let properties = version == .v5 ? try reader.properties(in: .unsubscribe) : PropertyList()
        var filters: [String] = []
        while reader.count > 0 { filters.append(try filter(&reader, among: filters.count).text) }
        guard !filters.isEmpty else { throw .protocolError("it has no filter") }
        return UnsubscribeRequest(id, filters, properties: properties)
    }

    private func filter(
        _ reader: inout PacketReader,
        among count: Int
    ) throws(WireFault) -> (text: String, group: String?) {
        guard count < limits.filters else {
            throw WireFault(.quotaExceeded, "it has more than \(limits.filters) filters")
        }
        let text = try reader.text()
        guard let filter = SharedFilter(text) else {
            throw .malformed(
                "a filter is empty, has a wildcard where none can be, or is shared by a group without a name"
            )
        }
        return (text, filter.group)
    }

    private static func connack(
        _ version: ProtocolVersion,
        _ reader: inout PacketReader
    ) throws(WireFault) -> Connack {
        let flags = try reader.byte()
        guard flags < 2 else { throw .malformed("its flags have bits that mean nothing") }
        guard version == .v5 else {
            let code = try reader.byte()
            guard code < 6 else { throw .protocolError("it has a return code that there is not") }
            try reader.expectEnd()
            return Connack(ReasonCode(legacyConnack: code), sessionPresent: flags == 1)
        }
        let reason = try reader.reason(of: .connack)
        let properties = try reader.properties(in: .connack)
        try reader.expectEnd()
        return Connack(reason, sessionPresent: flags == 1, properties: properties)
    }

    private static func suback(_ version: ProtocolVersion, _ reader: inout PacketReader) throws(WireFault) -> Suback {
        let id = try reader.packetID()
        let properties = version == .v5 ? try reader.properties(in: .suback) : PropertyList()
        var reasons: [ReasonCode] = []
        while reader.count > 0 {
            let reason = try reader.reason(of: .suback)
            guard version == .v5 || reason.rawValue < 3 || reason == .unspecifiedError else {
                throw .protocolError("it has a return code that there is not")
            }
            reasons.append(reason)
        }
        guard !reasons.isEmpty else { throw .protocolError("it answers nothing") }
        return Suback(id, reasons, properties: properties)
    }

    private static func unsuback(_ version: ProtocolVersion, _ reader: inout PacketReader) throws(WireFault) -> Unsuback
    {
        let id = try reader.packetID()
        guard version == .v5 else {
            try reader.expectEnd()
            return Unsuback(id, [])
        }
        let properties = try reader.properties(in: .unsuback)
        var reasons: [ReasonCode] = []
        while reader.count > 0 { reasons.append(try reader.reason(of: .unsuback)) }
        guard !reasons.isEmpty else { throw .protocolError("it answers nothing") }
        return Unsuback(id, reasons, properties: properties)
    }
}
