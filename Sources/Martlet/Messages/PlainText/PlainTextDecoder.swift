#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Decodes one value of a plain text: scalars as ``PlainText`` has them, whatever has members or elements from JSON.
struct PlainTextDecoder: Decoder {
    private let bytes: [UInt8]
    private let type: any Decodable.Type
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    init(_ bytes: [UInt8], for type: any Decodable.Type) {
        self.bytes = bytes
        self.type = type
    }

    /// Whether text is asked for, for which `null` is a word like any other.
    private var wantsText: Bool { type == String?.self }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try document().container(keyedBy: type)
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try document().unkeyedContainer() }
    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    private func document() throws -> DocumentDecoder {
        DocumentDecoder(document: try Document(bytes, format: .json), node: 0, path: .root, type: type)
    }
}

extension PlainTextDecoder {
    /// The value of no type: JSON if it is that, nothing, or else text.
    func json() throws -> JSON {
        if bytes.isEmpty { return .null }
        if let value = try? JSONCodec().decode(JSON.self, from: bytes) { return value }
        return .string(try decode(String.self))
    }
}

extension PlainTextDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { bytes.isEmpty || !wantsText && word == "null" }

    func decode(_ type: Bool.Type) throws -> Bool {
        switch word?.lowercased() {
        case "1", "on", "true": true
        case "0", "off", "false": false
        default: throw error(type)
        }
    }

    func decode(_ type: String.Type) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw error(type) }
        return text
    }

    func decode(_ type: Double.Type) throws -> Double { try number() }
    func decode(_ type: Float.Type) throws -> Float { try number() }
    func decode(_ type: Int.Type) throws -> Int { try number() }
    func decode(_ type: Int8.Type) throws -> Int8 { try number() }
    func decode(_ type: Int16.Type) throws -> Int16 { try number() }
    func decode(_ type: Int32.Type) throws -> Int32 { try number() }
    func decode(_ type: Int64.Type) throws -> Int64 { try number() }
    func decode(_ type: Int128.Type) throws -> Int128 { try number() }
    func decode(_ type: UInt.Type) throws -> UInt { try number() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try number() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try number() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try number() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try number() }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try number() }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // What does not encode itself as documents have it: as the JSON that it would be.
        if type == Date.self || type == Decimal.self { return try JSONCodec().decode(type, from: bytes) }
        if type == Data.self || type == URL.self {
            var quoted = JSONWriter(capacity: bytes.count + 2)
            quoted.write(string: try decode(String.self))
            return try JSONCodec().decode(type, from: quoted.bytes)
        }
        return try Value(from: PlainTextDecoder(bytes, for: type))
    }

    /// The text without white space around it; `nil` if it is no text.
    private var word: String? {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let start = bytes.firstIndex(where: { !isSpace($0) }), let end = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(validating: bytes[start...end], as: UTF8.self)
    }

    private func number<Number: Decodable & LosslessStringConvertible>() throws -> Number {
        guard let word else { throw error(Number.self) }
        // This reads a whole number also from `3.0`, the other one also what has a plus or zeros before it.
        if let number = try? JSONCodec().decode(Number.self, from: Array(word.utf8)) { return number }
        guard !word.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }), let number = Number(word) else {
            throw error(Number.self)
        }
        return number
    }

    /// Without a word of the content.
    private func error(_ type: Any.Type) -> DecodingError {
        let reason = "Expected \(type) but found another text."
        return .typeMismatch(type, DecodingError.Context(codingPath: codingPath, debugDescription: reason))
    }
}
