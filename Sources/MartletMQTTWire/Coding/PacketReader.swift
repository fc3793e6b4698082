/// Reads the pieces of a packet in order. Each length is checked against what is there before anything is made of it.
struct PacketReader: ~Escapable {
    private let bytes: RawSpan
    private let limits: WireLimits
    private(set) var position: Int
    private var end: Int

    /// - Parameter end: where the packet ends.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, from position: Int, to end: Int, _ limits: WireLimits) {
        self.bytes = bytes
        self.limits = limits
        self.position = position
        self.end = end
    }

    /// How many bytes are left.
    var count: Int { end - position }

    private func require(_ length: Int) throws(WireFault) {
        guard count >= length else { throw .malformed("it ends too early") }
    }

    mutating func byte() throws(WireFault) -> UInt8 {
        try require(1)
        defer { position += 1 }
        return bytes.byte(at: position)
    }

    mutating func twoBytes() throws(WireFault) -> UInt16 {
        try require(2)
        defer { position += 2 }
        return UInt16(bytes.byte(at: position)) << 8 | UInt16(bytes.byte(at: position + 1))
    }

    mutating func fourBytes() throws(WireFault) -> UInt32 {
        let high = try twoBytes()
        return try UInt32(high) << 16 | UInt32(twoBytes())
    }

    /// A number of one to four bytes, in as few as it needs (MQTT 5, 1.5.5).
    mutating func variable() throws(WireFault) -> UInt32 {
        var value: UInt32 = 0
        for shift in stride(from: UInt32(0), through: 21, by: 7) {
            let byte = try byte()
            value |= UInt32(byte & 0x7F) << shift
            guard byte < 0x80 else { continue }
            guard byte > 0 || shift == 0 else { throw .malformed("a number is longer than it needs to be") }
            return value
        }
        throw .malformed("a number is longer than four bytes")
    }

    /// A packet identifier, which is never 0.
    mutating func packetID() throws(WireFault) -> UInt16 {
        let id = try twoBytes()
        guard id > 0 else { throw .protocolError("its packet identifier is 0") }
        return id
    }

    /// So many bytes.
    mutating func data(_ length: Int) throws(WireFault) -> [UInt8] {
        try require(length)
        defer { position += length }
        return bytes.extracting(position..<(position + length)).withUnsafeBytes { Array($0) }
    }

    /// Bytes that come after their number.
    mutating func data() throws(WireFault) -> [UInt8] {
        let length = try Int(twoBytes())
        return try data(length)
    }

    /// A text, which comes after the number of its bytes.
    mutating func text() throws(WireFault) -> String {
        let length = try Int(twoBytes())
        try require(length)
        let text = bytes.extracting(position..<(position + length))
        position += length
        switch TextRules.check(text) {
        case .fine: break
        case .discouraged where limits.takesControlCharacters: break
        case .discouraged: throw .malformed("a text in it has a control character, or one that is none")
        case .malformed: throw .malformed("a text in it is not UTF-8, or has the character U+0000")
        }
        return text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    mutating func topicName() throws(WireFault) -> String {
        let topic = try text()
        guard TextRules.isTopicName(topic) else { throw .malformed("its topic is empty or has a wildcard") }
        return topic
    }

    mutating func reason(of kind: PacketKind) throws(WireFault) -> ReasonCode {
        let reason = ReasonCode(rawValue: try byte())
        guard reason.isAllowed(in: kind) else { throw .protocolError("it has a reason code that is none of its kind") }
        return reason
    }

    func expectEnd() throws(WireFault) {
        guard count == 0 else { throw .malformed("there is something behind its end") }
    }

    // MARK: Properties

    /// A list of properties, after its length.
    mutating func properties(in place: PropertyPlace) throws(WireFault) -> PropertyList {
        let length = try Int(variable())
        try require(length)
        guard length > 0 else { return PropertyList() }
        let outer = end
        end = position + length
        var list = PropertyList()
        var seen: UInt64 = 0
        var (pairs, pairBytes, identifiers) = (0, 0, 0)
        while count > 0 {
            let code = try byte()
            guard let id = PropertyID(rawValue: code) else { throw .malformed("it has a property that there is not") }
            guard id.isAllowed(in: place) else { throw .malformed("it has a property that is not of its kind") }
            let bit: UInt64 = 1 << UInt64(code)
            guard seen & bit == 0 || id.isRepeatable(in: place) else { throw .protocolError("it has a property twice") }
            seen |= bit
            let start = position
            let value = try value(of: id)
            if id == .userProperty {
                pairs += 1
                pairBytes += position - start
                guard pairs <= limits.userProperties, pairBytes <= limits.userPropertyBytes else {
                    throw WireFault(.quotaExceeded, "it has too many user properties")
                }
            }
            if id == .subscriptionIdentifier {
                identifiers += 1
                guard identifiers <= limits.subscriptionIdentifiers else {
                    throw WireFault(.quotaExceeded, "it has too many subscription identifiers")
                }
            }
            list.all.append(.init(id, value))
        }
        end = outer
        return list
    }

    private mutating func value(of id: PropertyID) throws(WireFault) -> PropertyList.Value {
        let number: UInt32
        switch id.form {
        case .flag:
            number = try UInt32(byte())
            guard number < 2 else { throw .protocolError("a property that is 0 or 1 is neither") }
        case .twoBytes: number = try UInt32(twoBytes())
        case .fourBytes: number = try fourBytes()
        case .variable: number = try variable()
        case .text:
            let text = try text()
            guard id != .responseTopic || TextRules.isTopicName(text) else {
                throw .protocolError("its response topic is empty or has a wildcard")
            }
            return .text(text)
        case .data: return .data(try data())
        case .pair:
            let name = try text()
            return .pair(name, try text())
        }
        guard number > 0 || id != .topicAlias else { throw WireFault(.topicAliasInvalid, "its topic alias is 0") }
        guard number > 0 || !id.isPositive else { throw .protocolError("a property that is positive is 0") }
        return .number(number)
    }
}
