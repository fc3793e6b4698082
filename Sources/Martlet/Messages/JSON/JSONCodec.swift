/// JSON, the default: what Python peers speak.
///
/// Keys the type does not know are ignored; a missing key takes the value that the type's own `init(from:)` gives
/// it. Dates are seconds since 1970, exactly; data is base64. A number that JSON has no notation for (`Double.nan`) is an
/// encoding error; `NaN`, `Infinity` and `-Infinity`, which some peers send, are read. See <doc:ChoosingACodec> for all that
/// is accepted.
public struct JSONCodec: Codec {
    private let userInfo: [CodingUserInfoKey: any Sendable]

    /// A JSON codec.
    ///
    /// - Parameter userInfo: what types find in their encoder's and decoder's `userInfo`.
    public init(userInfo: [CodingUserInfoKey: any Sendable] = [:]) {
        self.userInfo = userInfo
    }

    /// `application/json`.
    public var contentType: String { "application/json" }

    /// The value in UTF-8, without white space.
    ///
    /// Members are in the order in which the type writes them, a dictionary's in the order of its keys: equal values
    /// have equal bytes, unless they contain sets, or dictionaries whose keys are neither text nor whole numbers.
    ///
    /// - Throws: an `EncodingError`, or what the value throws.
    public func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        try ValueEncoding.bytes(of: value, format: .json, userInfo: userInfo)
    }

    /// The value of one JSON text.
    ///
    /// - Throws: a `DecodingError`, or what the type throws.
    public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try Document(bytes, format: .json, userInfo: userInfo).value(type, at: 0) { .root }
    }

    /// Where everything is in the bytes of one value.
    static func outline(of bytes: [UInt8]) throws -> DocumentOutline {
        guard bytes.count <= DocumentOutline.maximumCount else { throw malformed("It is longer than 2 GiB.") }
        var scanner = JSONScanner(bytes)
        var outline = DocumentOutline(count: bytes.count)
        guard scanner.takeValue(telling: &outline) != nil else {
            throw malformed("It is no JSON from byte \(scanner.position) on, or too deeply nested there.")
        }
        guard scanner.skipToEnd() else { throw malformed("Something follows the value at byte \(scanner.position).") }
        return outline
    }

    private static func malformed(_ reason: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: [], debugDescription: reason))
    }
}
