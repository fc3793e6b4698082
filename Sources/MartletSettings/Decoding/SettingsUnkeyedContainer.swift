/// The elements of a list.
struct SettingsUnkeyedContainer: UnkeyedDecodingContainer {
    private let reading: SettingsReading
    private let spot: SettingsSpot
    private let elements: [SettingsNode]
    private(set) var currentIndex = 0

    init(_ reading: SettingsReading, _ spot: SettingsSpot) throws {
        reading.openOther()
        self.reading = reading
        self.spot = spot
        guard let node = try reading.environmentNode(spot) ?? spot.node else { throw reading.missing(spot) }
        switch node.value {
        case .list(let nodes): elements = nodes
        case .text(let text, _) where node.isLoose: elements = Self.elements(of: text, node)
        default: throw node.wrong("a list")
        }
    }

    /// The texts between commas, and on lines of their own.
    private static func elements(of text: String, _ node: SettingsNode) -> [SettingsNode] {
        text.split { $0 == "," || $0.isNewline }.map(\.trimmed).filter { !$0.isEmpty }.enumerated().map { index, text in
            var element = SettingsNode(
                value: .text(String(text), isQuoted: false),
                place: node.place,
                keys: .element(index, in: node.keys)
            )
            element.source = node.source
            element.isLoose = true
            element.isSecret = node.isSecret
            return element
        }
    }

    var codingPath: [any CodingKey] { spot.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    mutating func decodeNil() throws -> Bool {
        let isNothing = !reading.isSaid(try element())
        if isNothing { currentIndex += 1 }
        return isNothing
    }

    mutating func decode(_ type: Int128.Type) throws -> Int128 { try next(type) }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try next(type) }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next(type) }

    private mutating func next<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let value = try reading.value(type, at: element())
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy _: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        let container = try SettingsKeyedContainer<NestedKey>(reading, element())
        currentIndex += 1
        return KeyedDecodingContainer(container)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let container = try SettingsUnkeyedContainer(reading, element())
        currentIndex += 1
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        let decoder = SettingsValueDecoder(reading: reading, spot: try element())
        currentIndex += 1
        return decoder
    }

    private func element() throws -> SettingsSpot {
        let path = codingPath + [SettingsKey(intValue: currentIndex)]
        guard !isAtEnd else {
            let context = DecodingError.Context(codingPath: path, debugDescription: "the list has no more elements")
            throw DecodingError.valueNotFound(Any.self, context)
        }
        return SettingsSpot(node: elements[currentIndex], codingPath: path, names: nil, defaults: nil)
    }
}
