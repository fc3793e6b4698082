/// Encodes the value of one frame.
struct ValueEncoder: Encoder {
    private let encoding: ValueEncoding
    private let frame: Int
    private let path: CodingPath

    init(_ encoding: ValueEncoding, _ frame: Int, _ path: CodingPath) {
        self.encoding = encoding
        self.frame = frame
        self.path = path
    }

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { encoding.userInfo }

    func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
        let isDictionary = ObjectIdentifier(Key.self) == DictionaryKeys.type
        encoding.open(isDictionary ? .sortedObject : .object, in: frame, path: path)
        return KeyedEncodingContainer(ValueKeyedContainer<Key>(encoding, frame, path))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        encoding.open(.array, in: frame, path: path)
        return ValueUnkeyedContainer(encoding, frame, path)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension ValueEncoder: SingleValueEncodingContainer {
    func encodeNil() throws { try scalar { $0.writeNil() } }
    func encode(_ value: Bool) throws { try scalar { $0.write(value) } }
    func encode(_ value: String) throws { try scalar { $0.write(value) } }

    func encode(_ value: Double) throws {
        try encoding.check(value) { path }
        try scalar { $0.write(value) }
    }

    func encode(_ value: Float) throws {
        try encoding.check(value) { path }
        try scalar { $0.write(value) }
    }

    func encode(_ value: Int) throws { try integer(value) }
    func encode(_ value: Int8) throws { try integer(value) }
    func encode(_ value: Int16) throws { try integer(value) }
    func encode(_ value: Int32) throws { try integer(value) }
    func encode(_ value: Int64) throws { try integer(value) }
    func encode(_ value: Int128) throws { try integer(value) }
    func encode(_ value: UInt) throws { try integer(value) }
    func encode(_ value: UInt8) throws { try integer(value) }
    func encode(_ value: UInt16) throws { try integer(value) }
    func encode(_ value: UInt32) throws { try integer(value) }
    func encode(_ value: UInt64) throws { try integer(value) }
    func encode(_ value: UInt128) throws { try integer(value) }

    func encode<Value: Encodable>(_ value: Value) throws {
        guard encoding.isContainer(frame) else { return try scalar { try $0.write(value) { path } } }
        let state = encoding.state
        guard try !encoding.beginScalar(in: frame, path: path) else { return }
        do {
            if ValueEncoding.isWrittenWhole(Value.self) {
                _ = try ValueEncoding.bytes(of: value, format: encoding.format, userInfo: encoding.userInfo)
            } else {
                try encoding.merge(value, into: self)
            }
        } catch {
            encoding.undo(state)
            throw error
        }
    }

    private func integer(_ value: some FixedWidthInteger) throws {
        try scalar { try $0.write(integer: value) { path } }
    }

    @inline(__always)
    private func scalar(_ write: (ValueEncoding) throws -> Void) throws {
        let state = encoding.state
        guard try encoding.beginScalar(in: frame, path: path) else { return }
        do {
            try write(encoding)
        } catch {
            encoding.undoScalar(state)
            throw error
        }
    }
}
