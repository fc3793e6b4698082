import Martlet

/// Makes values of databases of values of Swift's.
///
/// It finds out whether a type writes a single value or is made of others. What is made of others becomes the columns of a row
/// or, as one value, JSON.
struct ValueEncoder: Encoder {
    /// What the value has written so far.
    private final class Sink {
        var value: SQLValue?
        var columns: [(name: String, value: SQLValue)] = []
        /// Whether it is made of others.
        var isContainer = false
        /// Whether these are wanted one by one.
        let wantsColumns: Bool

        init(wantsColumns: Bool) { self.wantsColumns = wantsColumns }
    }

    private let sink: Sink
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func value<Value: Encodable>(of value: Value) throws(SQLError) -> SQLValue {
        if let scalar = value as? any SQLScalar {
            if let value = scalar.sqlValue { return value }
            throw SQLError(.encodingFailed, "the \(Value.self) is out of the range that databases keep")
        }
        let sink = Sink(wantsColumns: false)
        do {
            try value.encode(to: ValueEncoder(sink: sink))
            if let value = sink.value { return value }
            guard sink.isContainer else { return .null }
            return .text(String(decoding: try JSONCodec().encode(value), as: UTF8.self))
        } catch {
            throw failure(Value.self, error)
        }
    }

    static func columns<Value: Encodable>(of value: Value) throws(SQLError) -> [(name: String, value: SQLValue)] {
        let sink = Sink(wantsColumns: true)
        do { try value.encode(to: ValueEncoder(sink: sink)) } catch { throw failure(Value.self, error) }
        guard !sink.columns.isEmpty else {
            throw SQLError(.encodingFailed, "a \(Value.self) has no members that could be the columns of a row")
        }
        return sink.columns
    }

    /// What types throw themselves may quote the value, so it is not passed on.
    private static func failure(_ type: Any.Type, _ error: any Error) -> SQLError {
        error as? SQLError ?? SQLError(.encodingFailed, "a \(type) could not be encoded: \(Swift.type(of: error))")
    }

    func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
        sink.isContainer = true
        return KeyedEncodingContainer(Keyed<Key>(sink: sink))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        sink.isContainer = true
        return Unkeyed(sink: sink)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(sink: sink) }

    private struct Single: SingleValueEncodingContainer {
        let sink: Sink
        var codingPath: [any CodingKey] { [] }

        func encodeNil() throws { sink.value = .null }

        func encode<Value: Encodable>(_ value: Value) throws {
            if sink.wantsColumns, !(value is any SQLScalar) { return try value.encode(to: ValueEncoder(sink: sink)) }
            sink.value = try ValueEncoder.value(of: value)
        }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let sink: Sink
        var codingPath: [any CodingKey] { [] }

        func encodeNil(forKey key: Key) throws { sink.columns.append((key.stringValue, .null)) }

        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            guard sink.wantsColumns else { return }
            sink.columns.append((key.stringValue, try ValueEncoder.value(of: value)))
        }

        /// A member that is absent is a column all the same: rows of one type have the same columns.
        private func column<Value: Encodable>(_ value: Value?, _ key: Key) throws {
            if let value { try encode(value, forKey: key) } else { try encodeNil(forKey: key) }
        }

        // The standard library has one of its own for each of these types, which leaves out what is absent.
        func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: String?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try column(value, key) }
        func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try column(value, key) }

        func nestedContainer<Nested: CodingKey>(keyedBy _: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<
            Nested
        > {
            KeyedEncodingContainer(ValueEncoder.Keyed<Nested>(sink: ignored))
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { Unkeyed(sink: ignored) }
        func superEncoder() -> any Encoder { ValueEncoder(sink: ignored) }
        func superEncoder(forKey key: Key) -> any Encoder { ValueEncoder(sink: ignored) }
        private var ignored: Sink { Sink(wantsColumns: false) }
    }

    /// Takes elements and keeps none: the whole becomes JSON.
    private struct Unkeyed: UnkeyedEncodingContainer {
        let sink: Sink
        var codingPath: [any CodingKey] { [] }
        var count: Int { 0 }

        func encodeNil() throws {}
        func encode<Value: Encodable>(_ value: Value) throws {}

        func nestedContainer<Nested: CodingKey>(keyedBy _: Nested.Type) -> KeyedEncodingContainer<Nested> {
            KeyedEncodingContainer(ValueEncoder.Keyed<Nested>(sink: Sink(wantsColumns: false)))
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { self }
        func superEncoder() -> any Encoder { ValueEncoder(sink: Sink(wantsColumns: false)) }
    }
}
