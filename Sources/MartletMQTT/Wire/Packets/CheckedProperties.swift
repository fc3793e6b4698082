import MartletMQTTWire

/// A list of MQTT 5's properties that was read and is as it should be: each known, in its place, once or as often as it may
/// stand, and with a value that it can have.
struct CheckedProperties {
    /// A bit for each identifier that it has.
    private var seen: UInt64 = 0
    /// Whether a receiver has to take all texts in it.
    private(set) var isFine = true
    private(set) var maximumPacketSize: Int?
    /// What the other side says of its reason.
    private(set) var words = BrokerWords()
    /// Where in the packet the Assigned Client Identifier stands.
    private(set) var assignedIdentifier: Range<Int>?

    /// An empty one.
    init() {}

    /// Reads the length and the list.
    init(_ reader: inout PacketReader, of kind: PacketKind) throws(PacketFault) {
        guard let place = PropertyPlace(kind) else { throw PacketFault("\(kind) has no properties") }
        let length = try reader.variable()
        var list = try reader.part(length)
        while list.count > 0 { try read(&list, place) }
    }

    func has(_ property: PropertyID) -> Bool { seen & Self.bit(property) != 0 }

    private mutating func read(_ list: inout PacketReader, _ place: PropertyPlace) throws(PacketFault) {
        let start = list.position
        // None is beyond 127, so that each identifier is one byte.
        let code = try list.byte()
        guard let property = PropertyID(rawValue: code) else {
            throw PacketFault("there is no property with the identifier \(code)")
        }
        guard property.isAllowed(in: place) else { throw PacketFault("\(property) is no property of \(place)") }
        guard !has(property) || property.isRepeatable(in: place) else {
            throw PacketFault("it has the property \(property) twice")
        }
        seen |= Self.bit(property)
        switch property.form {
        case .flag:
            guard try list.byte() < 2 else { throw PacketFault("\(property) is neither 0 nor 1") }
        case .twoBytes: try note(list.number(), of: property)
        case .fourBytes: try note(list.fourBytes(), of: property)
        case .variable: try note(list.variable(), of: property)
        case .data: _ = try list.data()
        case .text:
            let text = try list.text()
            isFine = isFine && text.isFine
            switch property {
            case .reasonString: words.reason = String(decoding: text.bytes, as: UTF8.self)
            case .serverReference: words.server = String(decoding: text.bytes, as: UTF8.self)
            case .assignedClientIdentifier: assignedIdentifier = start..<list.position
            default: break
            }
        case .pair:
            let name = try list.text()
            let value = try list.text()
            isFine = isFine && name.isFine && value.isFine
        }
    }

    private mutating func note(_ number: Int, of property: PropertyID) throws(PacketFault) {
        guard number > 0 || !property.isPositive else { throw PacketFault("\(property) is 0") }
        if property == .maximumPacketSize { maximumPacketSize = number }
    }

    private static func bit(_ property: PropertyID) -> UInt64 { 1 << UInt64(property.rawValue) }
}
