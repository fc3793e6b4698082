#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// JSON, the default: what Python peers speak.
///
/// Keys the type does not know are ignored; a missing key takes the value that the type's own `init(from:)` gives
/// it. Dates are seconds since 1970, data is base64. A number that JSON has no notation for (`Double.nan`) is an
/// encoding error.
public struct JSONCodec: Codec {
    /// A JSON codec.
    public init() {}

    /// `application/json`.
    public var contentType: String { "application/json" }

    /// The value in UTF-8, without white space, keys in order: equal values have equal bytes.
    public func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .secondsSince1970
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return try Array(encoder.encode(value))
    }

    /// The value of one JSON text.
    public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .secondsSince1970
        return try decoder.decode(type, from: Data(bytes))
    }
}
