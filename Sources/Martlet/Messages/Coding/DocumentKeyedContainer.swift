/// The members of an object.
struct DocumentKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let document: Document
    private let object: Int
    private let path: CodingPath

    init(_ document: Document, _ node: Int, _ path: CodingPath) throws {
        guard document.kind(of: node) == .object else {
            throw document.error(at: node, as: [String: Any].self, path: path)
        }
        document.prepare(object: node)
        self.document = document
        object = node
        self.path = path
    }

    var codingPath: [any CodingKey] { path.keys }
    var allKeys: [Key] { document.keys(of: object).compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { document.value(of: key.stringValue, in: object, isLast: false) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { document.isNull(try node(of: key, isLast: false)) }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try scalar(key) { $0.boolean(at: $1) } }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try scalar(key) { $0.string(at: $1) } }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try scalar(key) { $0.double(at: $1) } }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try scalar(key) { $0.float(at: $1) } }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try integer(key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try integer(key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try integer(key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try integer(key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try integer(key) }
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try integer(key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try integer(key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try integer(key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try integer(key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try integer(key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try integer(key) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try integer(key) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try document.value(type, at: try node(of: key)) { .key(key, in: path) }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy _: NestedKey.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        let container = try DocumentKeyedContainer<NestedKey>(document, try node(of: key), .key(key, in: path))
        return KeyedDecodingContainer(container)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try DocumentUnkeyedContainer(document, try node(of: key), .key(key, in: path))
    }

    func superDecoder() throws -> any Decoder { decoder(of: NameKey.super) }
    func superDecoder(forKey key: Key) throws -> any Decoder { decoder(of: key) }

    /// What is not there is null, as Foundation's decoder has it.
    private func decoder(of key: some CodingKey) -> DocumentDecoder {
        let inner = CodingPath.key(key, in: path)
        guard let node = document.value(of: key.stringValue, in: object) else {
            let null = Document.null(document.format, userInfo: document.userInfo)
            return DocumentDecoder(document: null, node: 0, path: inner)
        }
        return DocumentDecoder(document: document, node: node, path: inner)
    }

    @inline(__always)
    private func node(of key: Key, isLast: Bool = true) throws -> Int {
        guard let node = document.value(of: key.stringValue, in: object, isLast: isLast) else { throw missing(key) }
        return node
    }

    @inline(never)
    private func missing(_ key: some CodingKey) -> DecodingError {
        let reason = "The object has no such key."
        return .keyNotFound(key, DecodingError.Context(codingPath: path.keys, debugDescription: reason))
    }

    @inline(__always)
    private func integer<Integer: FixedWidthInteger>(_ key: Key) throws -> Integer {
        try scalar(key) { $0.integer(at: $1, as: Integer.self) }
    }

    @inline(__always)
    private func scalar<Value>(_ key: Key, _ read: (Document, Int) -> Value?) throws -> Value {
        let node = try node(of: key)
        guard let value = read(document, node) else {
            throw document.error(at: node, as: Value.self, path: .key(key, in: path))
        }
        return value
    }
}
