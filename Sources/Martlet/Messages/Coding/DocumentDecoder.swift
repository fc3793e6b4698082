/// Decodes the value at one node.
struct DocumentDecoder: Decoder {
    let document: Document
    let node: Int
    let path: CodingPath
    /// What is decoded: if it has defaults, they are what is missing.
    var type: (any Decodable.Type)?

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { document.userInfo }

    func container<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try DocumentKeyedContainer<Key>(document, node, path, of: type))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try DocumentUnkeyedContainer(document, node, path)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }
}

extension DocumentDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { document.isNull(node) }

    func decode(_ type: Bool.Type) throws -> Bool { try found(document.boolean(at: node)) }
    func decode(_ type: String.Type) throws -> String { try found(document.string(at: node)) }
    func decode(_ type: Double.Type) throws -> Double { try found(document.double(at: node)) }
    func decode(_ type: Float.Type) throws -> Float { try found(document.float(at: node)) }
    func decode(_ type: Int.Type) throws -> Int { try integer() }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
    func decode(_ type: Int128.Type) throws -> Int128 { try integer() }
    func decode(_ type: UInt.Type) throws -> UInt { try integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try integer() }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try document.value(type, at: node) { path }
    }

    @inline(__always)
    private func integer<Integer: FixedWidthInteger>() throws -> Integer {
        try found(document.integer(at: node, as: Integer.self))
    }

    @inline(__always)
    private func found<Value>(_ value: Value?) throws -> Value {
        guard let value else { throw document.error(at: node, as: Value.self, path: path) }
        return value
    }
}
