/// Reads a value of a row.
struct RowDecoder: Decoder {
    let row: SQLRow
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type is any SQLScalar.Type { return try only(for: type).value(type) }
        return try Value(from: self)
    }

    /// The only column, for a type that takes one value.
    private func only(for type: Any.Type) throws -> ColumnDecoder {
        guard row.values.count == 1 else {
            throw SQLError(.decodingFailed, "a \(type) is one value, and the row has \(row.values.count) columns")
        }
        return ColumnDecoder(name: row.columns[0], value: row.values[0])
    }

    func container<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Keyed<Key>(row: row))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try only(for: [Any].self).unkeyedContainer() }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self) }

    private struct Single: SingleValueDecodingContainer {
        let decoder: RowDecoder
        var codingPath: [any CodingKey] { [] }

        func decodeNil() -> Bool { decoder.row.values == [.null] }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.value(type) }
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let row: SQLRow
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { row.columns.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool {
            if case .missing = row.table.find(key.stringValue) { false } else { true }
        }

        func decodeNil(forKey key: Key) throws -> Bool { try column(key).value == .null }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try column(key).value(type)
        }

        private func column(_ key: Key) throws -> ColumnDecoder {
            switch row.table.find(key.stringValue) {
            case .found(let index): return ColumnDecoder(name: row.columns[index], value: row.values[index])
            case .ambiguous:
                throw SQLError(
                    .decodingFailed,
                    "the row has several columns '\(key.stringValue)': give them names by AS"
                )
            case .missing:
                let names = row.columns.joined(separator: ", ")
                throw SQLError(.decodingFailed, "the row has no column '\(key.stringValue)'; it has \(names)")
            }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type,
            forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try column(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try column(key).unkeyedContainer()
        }

        /// A superclass has its columns in the same row.
        func superDecoder() throws -> any Decoder { RowDecoder(row: row) }
        func superDecoder(forKey key: Key) throws -> any Decoder { RowDecoder(row: row) }
    }
}
