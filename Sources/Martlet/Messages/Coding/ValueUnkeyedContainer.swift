/// Writes the elements of an array.
struct ValueUnkeyedContainer: UnkeyedEncodingContainer {
    private let encoding: ValueEncoding
    private let frame: Int
    private let path: CodingPath

    init(_ encoding: ValueEncoding, _ frame: Int, _ path: CodingPath) {
        self.encoding = encoding
        self.frame = frame
        self.path = path
    }

    var codingPath: [any CodingKey] { path.keys }
    var count: Int { encoding.count(in: frame) }

    mutating func encodeNil() throws { try element { $0.writeNil() } }
    mutating func encode(_ value: Bool) throws { try element { $0.write(value) } }
    mutating func encode(_ value: String) throws { try element { $0.write(value) } }

    mutating func encode(_ value: Double) throws {
        try encoding.check(value) { here }
        try element { $0.write(value) }
    }

    mutating func encode(_ value: Float) throws {
        try encoding.check(value) { here }
        try element { $0.write(value) }
    }

    mutating func encode(_ value: Int) throws { try integer(value) }
    mutating func encode(_ value: Int8) throws { try integer(value) }
    mutating func encode(_ value: Int16) throws { try integer(value) }
    mutating func encode(_ value: Int32) throws { try integer(value) }
    mutating func encode(_ value: Int64) throws { try integer(value) }
    mutating func encode(_ value: Int128) throws { try integer(value) }
    mutating func encode(_ value: UInt) throws { try integer(value) }
    mutating func encode(_ value: UInt8) throws { try integer(value) }
    mutating func encode(_ value: UInt16) throws { try integer(value) }
    mutating func encode(_ value: UInt32) throws { try integer(value) }
    mutating func encode(_ value: UInt64) throws { try integer(value) }
    mutating func encode(_ value: UInt128) throws { try integer(value) }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        let here = here
        try element { try $0.write(value) { here } }
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) -> KeyedEncodingContainer<NestedKey> {
        child().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { child() }

    private static var isOver: String { "An array was written to after its end." }
    private var here: CodingPath { .position(count, in: path) }

    private mutating func child() -> ValueEncoder {
        let inner = here
        if !encoding.beginElement(in: frame) { encoding.fail(Self.isOver, path) }
        return encoding.child(path: inner).rootEncoder(path: inner)
    }

    private mutating func integer(_ value: some FixedWidthInteger) throws {
        let here = here
        try element { try $0.write(integer: value) { here } }
    }

    @inline(__always)
    private mutating func element(_ write: (ValueEncoding) throws -> Void) throws {
        let state = encoding.state
        do {
            guard encoding.beginElement(in: frame) else { throw ValueEncoding.invalid((), Self.isOver, path) }
            try write(encoding)
        } catch {
            encoding.undo(state)
            throw error
        }
    }
}
