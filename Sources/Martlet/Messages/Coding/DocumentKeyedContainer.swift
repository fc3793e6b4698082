/// The members of an object.
struct DocumentKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let document: Document
    private let object: Int
    private let path: CodingPath
    /// What is decoded, if it may have defaults.
    private let type: (any Decodable.Type)?

    init(_ document: Document, _ node: Int, _ path: CodingPath, of type: (any Decodable.Type)? = nil) throws {
        guard document.kind(of: node) == .object else {
            throw document.error(at: node, as: [String: Any].self, path: path)
        }
        document.prepare(object: node)
        self.document = document
        object = node
        self.path = path
        self.type = type
    }

    var codingPath: [any CodingKey] { path.keys }
    var allKeys: [Key] { document.keys(of: object).compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { find(key, isLast: false) != nil || (try? defaults(having: key)) != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
        guard let node = find(key, isLast: false) else { return try defaults(for: key).decodeNil(forKey: key) }
        return document.isNull(node)
    }

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
        guard let node = find(key) else { return try defaults(for: key).decode(type, forKey: key) }
        return try document.value(type, at: node) { .key(key, in: path) }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy _: NestedKey.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        guard let node = find(key) else {
            return try defaults(for: key).nestedContainer(keyedBy: NestedKey.self, forKey: key)
        }
        let container = try DocumentKeyedContainer<NestedKey>(document, node, .key(key, in: path))
        return KeyedDecodingContainer(container)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        guard let node = find(key) else { return try defaults(for: key).nestedUnkeyedContainer(forKey: key) }
        return try DocumentUnkeyedContainer(document, node, .key(key, in: path))
    }

    func superDecoder() throws -> any Decoder { try decoder(of: NameKey.super) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(of: key) }

    /// What is not there, and has no default, is null, as Foundation's decoder has it.
    private func decoder(of key: some CodingKey) throws -> DocumentDecoder {
        let inner = CodingPath.key(key, in: path)
        if let node = document.value(of: key.stringValue, in: object) {
            return DocumentDecoder(document: document, node: node, path: inner)
        }
        if let defaults = try defaults(having: key), let node = defaults.value(of: key.stringValue, in: 0) {
            return DocumentDecoder(document: defaults, node: node, path: inner)
        }
        let null = Document.null(document.format, userInfo: document.userInfo)
        return DocumentDecoder(document: null, node: 0, path: inner)
    }

    @inline(__always)
    private func find(_ key: Key, isLast: Bool = true) -> Int? {
        document.value(of: key.stringValue, in: object, isLast: isLast)
    }

    /// Where a member is that is missing: in the defaults of what is decoded.
    @inline(never)
    private func defaults(for key: Key) throws -> DocumentKeyedContainer {
        guard let defaults = try defaults(having: key) else { throw missing(key) }
        return try DocumentKeyedContainer(defaults, 0, path)
    }

    private func defaults(having key: some CodingKey) throws -> Document? {
        guard let type, let defaults = try document.defaults(of: type), defaults.kind(of: 0) == .object else {
            return nil
        }
        return defaults.value(of: key.stringValue, in: 0, isLast: false) == nil ? nil : defaults
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
        guard let node = find(key) else { return try defaults(for: key).scalar(key, read) }
        guard let value = read(document, node) else {
            throw document.error(at: node, as: Value.self, path: .key(key, in: path))
        }
        return value
    }
}
