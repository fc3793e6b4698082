import MartletMQTTWire

/// Reads the pieces of a packet in order, and never beyond its end. It borrows the bytes, which must outlive it.
struct PacketReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    private var end: Int

    init(_ bytes: UnsafeRawBufferPointer, from position: Int) {
        self.bytes = bytes
        self.position = position
        end = bytes.count
    }

    /// How many bytes are left.
    var count: Int { end - position }

    mutating func byte() throws(PacketFault) -> UInt8 {
        guard position < end else { throw PacketFault("it ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    /// A number of two bytes.
    mutating func number() throws(PacketFault) -> Int {
        guard count >= 2 else { throw PacketFault("it ends too early") }
        defer { position += 2 }
        return Int(bytes[position]) << 8 | Int(bytes[position + 1])
    }

    /// A packet identifier, which is never 0.
    mutating func identifier() throws(PacketFault) -> UInt16 {
        let number = try number()
        guard number > 0 else { throw PacketFault("its packet identifier is 0") }
        return UInt16(number)
    }

    mutating func fourBytes() throws(PacketFault) -> Int {
        let high = try number()
        return try high << 16 | number()
    }

    /// A number of one to four bytes, in as few as it needs (MQTT 5, 1.5.5).
    mutating func variable() throws(PacketFault) -> Int {
        var value = 0
        for shift in stride(from: 0, through: 21, by: 7) {
            let byte = try byte()
            value |= Int(byte & 0x7f) << shift
            if byte < 0x80 {
                guard byte > 0 || shift == 0 else { throw PacketFault("a number is longer than it needs to be") }
                return value
            }
        }
        throw PacketFault("a number is longer than four bytes")
    }

    /// Bytes that come after their number.
    mutating func data() throws(PacketFault) -> UnsafeRawBufferPointer {
        let length = try number()
        guard count >= length else { throw PacketFault("it ends too early") }
        defer { position += length }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + length)])
    }

    /// Text that comes after the number of its bytes.
    ///
    /// - Returns: its bytes, and whether they are all that a receiver has to take.
    mutating func text() throws(PacketFault) -> (bytes: UnsafeRawBufferPointer, isFine: Bool) {
        let data = try data()
        switch TextRules.check(data.bytes) {
        case .fine: return (data, true)
        case .discouraged: return (data, false)
        case .malformed: throw PacketFault("a text in it is not UTF-8")
        }
    }

    /// What is left, or the next so many bytes of it, as something to read by itself.
    mutating func part(_ length: Int) throws(PacketFault) -> PacketReader {
        guard count >= length else { throw PacketFault("it ends too early") }
        var part = self
        part.end = position + length
        position += length
        return part
    }

    /// A list of properties, after its length. It was read before, and is as it should be.
    mutating func properties() throws(PacketFault) -> PropertyList {
        let length = try variable()
        var list = try part(length)
        var properties = PropertyList()
        while list.count > 0 { properties.all.append(try list.property()) }
        return properties
    }

    private mutating func property() throws(PacketFault) -> PropertyList.Property {
        let code = try byte()
        guard let id = PropertyID(rawValue: code) else {
            throw PacketFault("there is no property with the identifier \(code)")
        }
        let value: PropertyList.Value
        switch id.form {
        case .flag: value = .number(UInt32(try byte()))
        case .twoBytes: value = .number(UInt32(try number()))
        case .fourBytes: value = .number(UInt32(try fourBytes()))
        case .variable: value = .number(UInt32(try variable()))
        case .data: value = .data(Array(try data()))
        case .text: value = .text(String(decoding: try data(), as: UTF8.self))
        case .pair:
            let name = try data()
            value = .pair(String(decoding: name, as: UTF8.self), String(decoding: try data(), as: UTF8.self))
        }
        return PropertyList.Property(id, value)
    }

    func expectEnd() throws(PacketFault) {
        guard count == 0 else { throw PacketFault("there is something behind its end") }
    }
}
