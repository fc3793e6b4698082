/// Writes the members of an object.
struct ValueKeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    private let encoding: ValueEncoding
    private let frame: Int
    private let path: CodingPath

    init(_ encoding: ValueEncoding, _ frame: Int, _ path: CodingPath) {
        self.encoding = encoding
        self.frame = frame
        self.path = path
    }

    var codingPath: [any CodingKey] { path.keys }

    func encodeNil(forKey key: Key) throws {
        try begin(key)
        encoding.writeNil()
    }

    func encode(_ value: Bool, forKey key: Key) throws {
        try begin(key)
        encoding.write(value)
    }

    func encode(_ value: String, forKey key: Key) throws {
        try begin(key)
        encoding.write(value)
    }

    func encode(_ value: Double, forKey key: Key) throws {
        try encoding.check(value) { .key(key, in: path) }
        try begin(key)
        encoding.write(value)
    }

    func encode(_ value: Float, forKey key: Key) throws {
        try encoding.check(value) { .key(key, in: path) }
        try begin(key)
        encoding.write(value)
    }

    func encode(_ value: Int, forKey key: Key) throws { try small(Int64(value), key) }
    func encode(_ value: Int8, forKey key: Key) throws { try small(Int64(value), key) }
    func encode(_ value: Int16, forKey key: Key) throws { try small(Int64(value), key) }
    func encode(_ value: Int32, forKey key: Key) throws { try small(Int64(value), key) }
    func encode(_ value: Int64, forKey key: Key) throws { try small(value, key) }
    func encode(_ value: Int128, forKey key: Key) throws { try large(value, key) }
    func encode(_ value: UInt, forKey key: Key) throws { try large(value, key) }
    func encode(_ value: UInt8, forKey key: Key) throws { try small(Int64(value), key) }
    func encode(_ value: UInt16, forKey key: Key) throws { try small(Int64(value), key) }
    func encode(_ value: UInt32, forKey key: Key) throws { try small(Int64(value), key) }
    func encode(_ value: UInt64, forKey key: Key) throws { try large(value, key) }
    func encode(_ value: UInt128, forKey key: Key) throws { try large(value, key) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try orUndo {
            try begin(key)
            try encoding.write(value) { .key(key, in: path) }
        }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        nested(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { child(NameKey.super) }
    func superEncoder(forKey key: Key) -> any Encoder { child(key) }

    /// A container that may have been asked for before: it goes on.
    private func nested(_ key: Key) -> ValueEncoder {
        let inner = CodingPath.key(key, in: path)
        if let nested = encoding.nested(key.stringValue, in: frame, path: inner) {
            return nested.rootEncoder(path: inner)
        }
        encoding.fail(
            "The object has ended, or has another kind of value under \(key.stringValue.debugDescription).",
            path
        )
        return child(key)
    }

    private func child(_ key: some CodingKey) -> ValueEncoder {
        let inner = CodingPath.key(key, in: path)
        if !encoding.beginMember(key.stringValue, in: frame) { encoding.fail(Self.isOver, path) }
        return encoding.child(path: inner).rootEncoder(path: inner)
    }

    private static var isOver: String { "An object was written to after its end." }

    @inline(__always)
    private func begin(_ key: Key) throws {
        guard encoding.beginMember(key.stringValue, in: frame) else {
            throw ValueEncoding.invalid((), Self.isOver, path)
        }
    }

    private func small(_ value: Int64, _ key: Key) throws {
        try begin(key)
        encoding.write(value)
    }

    private func large(_ value: some FixedWidthInteger, _ key: Key) throws {
        try orUndo {
            try begin(key)
            try encoding.write(integer: value) { .key(key, in: path) }
        }
    }

    @inline(__always)
    private func orUndo(_ write: () throws -> Void) throws {
        let state = encoding.state
        do {
            try write()
        } catch {
            encoding.undo(state)
            throw error
        }
    }
}
