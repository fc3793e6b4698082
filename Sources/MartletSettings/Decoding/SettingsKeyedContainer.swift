/// The members of a table.
struct SettingsKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let reading: SettingsReading
    private let spot: SettingsSpot
    /// The table itself; an empty one if the file has none.
    private let node: SettingsNode
    private let members: SettingsMembers
    private let table: Int
    /// Whether any text is a key, as in a dictionary: then each spelling is a key of its own.
    private let isOpen: Bool

    init(_ reading: SettingsReading, _ spot: SettingsSpot) throws {
        if let node = try reading.variableNode(spot) { throw node.wrong("a table of keys and values") }
        self.reading = reading
        self.spot = spot
        let place = reading.place(of: spot) ?? .init(line: 1, column: 1)
        let key = spot.codingPath.last.map {
            SettingsPath.key(KeySpelling.snake($0.stringValue), in: spot.parent?.keys ?? .root)
        }
        node = spot.node ?? SettingsNode(value: .nothing, place: place, keys: key ?? .root)
        switch node.value {
        case .table(let all): members = SettingsMembers(all)
        case .nothing: members = SettingsMembers()
        default: throw node.wrong("a table of keys and values")
        }
        table = reading.open(node)
        isOpen = Key(stringValue: "\u{0}") != nil
    }

    var codingPath: [any CodingKey] { spot.codingPath }

    var allKeys: [Key] {
        if isOpen { reading.takeAllKeys(of: table) }
        var names: Set<String> = []
        return (members.all + node.inherited.all).compactMap { member in
            let key = Key(stringValue: member.key) ?? Key(stringValue: KeySpelling.camel(member.key))
            return key.flatMap { names.insert($0.stringValue).inserted ? $0 : nil }
        }
    }

    func contains(_ key: Key) -> Bool {
        // What is wrong with it is told when it is decoded.
        guard let spot = try? self.spot(of: key) else { return true }
        return spot.node != nil || reading.isSaid(spot)
    }

    func decodeNil(forKey key: Key) throws -> Bool { !reading.isSaid(try spot(of: key)) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try reading.required(type, at: try spot(of: key))
    }

    // Otherwise the standard library says that a decoder knows no such number.
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 {
        try reading.required(type, at: try spot(of: key))
    }

    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 {
        try reading.required(type, at: try spot(of: key))
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try reading.optional(type, at: try spot(of: key))
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy _: NestedKey.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        KeyedDecodingContainer(try SettingsKeyedContainer<NestedKey>(reading, try present(key)))
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try SettingsUnkeyedContainer(reading, try present(key))
    }

    func superDecoder() throws -> any Decoder {
        SettingsValueDecoder(reading: reading, spot: try spot(of: SettingsKey(stringValue: "super")))
    }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        SettingsValueDecoder(reading: reading, spot: try spot(of: key))
    }

    private func present(_ key: Key) throws -> SettingsSpot {
        let spot = try spot(of: key)
        guard spot.node != nil || reading.isMentioned(spot) else { throw reading.missing(spot) }
        return spot
    }

    private func spot(of key: some CodingKey) throws -> SettingsSpot {
        let name = key.stringValue
        reading.ask(for: name, in: table)
        let exact = isOpen ? members[name] : nil
        let member = try exact ?? members.find(name) ?? node.inherited.find(name)
        return SettingsSpot(
            node: member?.node,
            codingPath: codingPath + [key],
            names: spot.names.map { $0 + [name] },
            defaults: spot.defaults(for: name),
            parent: node
        )
    }
}
