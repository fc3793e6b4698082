import Martlet

/// Reads the value of one column.
struct ColumnDecoder: Decoder {
    let name: String
    let value: SQLValue
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard let scalar = type as? any SQLScalar.Type else { return try Value(from: self) }
        if let value = scalar.init(value) as? Value { return value }
        throw SQLError(.decodingFailed, "the column '\(name)' is \(value.kind) that is no \(type)")
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try json().container(keyedBy: type)
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try json().unkeyedContainer() }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(column: self) }

    /// The decoder of what the column holds as JSON.
    private func json() throws -> any Decoder {
        let bytes: [UInt8]
        switch value {
        case .text(let text): bytes = Array(text.utf8)
        case .bytes(let content): bytes = content
        default: throw SQLError(.decodingFailed, "the column '\(name)' is \(value.kind) where JSON is expected")
        }
        do {
            return try JSONCodec().decode(Inside.self, from: bytes).decoder
        } catch {
            throw SQLError(.decodingFailed, "the column '\(name)' holds no JSON")
        }
    }

    /// Keeps the decoder that it is read by.
    private struct Inside: Decodable {
        let decoder: any Decoder

        init(from decoder: any Decoder) throws { self.decoder = decoder }
    }

    private struct Single: SingleValueDecodingContainer {
        let column: ColumnDecoder
        var codingPath: [any CodingKey] { [] }

        func decodeNil() -> Bool { column.value == .null }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try column.value(type) }
    }
}
