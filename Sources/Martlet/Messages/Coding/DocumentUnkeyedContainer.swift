/// The elements of an array, one after another.
struct DocumentUnkeyedContainer: UnkeyedDecodingContainer {
    private let document: Document
    private let array: Int
    private let path: CodingPath
    private var node: Int
    private(set) var currentIndex = 0

    init(_ document: Document, _ node: Int, _ path: CodingPath) throws {
        guard document.kind(of: node) == .array else { throw document.error(at: node, as: [Any].self, path: path) }
        self.document = document
        array = node
        self.path = path
        self.node = node + 1
    }

    var codingPath: [any CodingKey] { path.keys }
    var count: Int? { Int(document[array].count) }
    var isAtEnd: Bool { currentIndex >= Int(document[array].count) }

    /// Takes the element if it is null.
    mutating func decodeNil() throws -> Bool {
        try checkEnd(Any?.self)
        guard document.isNull(node) else { return false }
        advance()
        return true
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool { try scalar { $0.boolean(at: $1) } }
    mutating func decode(_ type: String.Type) throws -> String { try scalar { $0.string(at: $1) } }
    mutating func decode(_ type: Double.Type) throws -> Double { try scalar { $0.double(at: $1) } }
    mutating func decode(_ type: Float.Type) throws -> Float { try scalar { $0.float(at: $1) } }
    mutating func decode(_ type: Int.Type) throws -> Int { try integer() }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try integer() }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try integer() }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try integer() }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try checkEnd(type)
        let value = try document.value(type, at: node) { here }
        advance()
        return value
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy _: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try checkEnd(KeyedDecodingContainer<NestedKey>.self)
        let container = try DocumentKeyedContainer<NestedKey>(document, node, here)
        advance()
        return KeyedDecodingContainer(container)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try checkEnd((any UnkeyedDecodingContainer).self)
        let container = try DocumentUnkeyedContainer(document, node, here)
        advance()
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        try checkEnd((any Decoder).self)
        let decoder = DocumentDecoder(document: document, node: node, path: here)
        advance()
        return decoder
    }

    private var here: CodingPath { .position(currentIndex, in: path) }

    private mutating func advance() {
        node = document.next(after: node)
        currentIndex += 1
    }

    private func checkEnd(_ type: Any.Type) throws {
        guard isAtEnd else { return }
        let reason = "The array has no more elements."
        throw DecodingError.valueNotFound(
            type,
            DecodingError.Context(codingPath: here.keys, debugDescription: reason)
        )
    }

    @inline(__always)
    private mutating func integer<Integer: FixedWidthInteger>() throws -> Integer {
        try scalar { $0.integer(at: $1, as: Integer.self) }
    }

    @inline(__always)
    private mutating func scalar<Value>(_ read: (Document, Int) -> Value?) throws -> Value {
        try checkEnd(Value.self)
        guard let value = read(document, node) else { throw document.error(at: node, as: Value.self, path: here) }
        advance()
        return value
    }
}
