/// MessagePack: smaller than JSON and faster to read, for peers that agree on it.
///
/// Types are encoded as in JSON, but for `Data` and `[UInt8]`, which are binary. Dates are seconds since 1970, as a
/// number where that is exact, else MessagePack's own timestamps; both are read. Every form of the specification is read, and the shortest is
/// written. See <doc:ChoosingACodec>.
public struct MessagePackCodec: Codec {
    private let userInfo: [CodingUserInfoKey: any Sendable]

    /// A MessagePack codec.
    ///
    /// - Parameter userInfo: what types find in their encoder's and decoder's `userInfo`.
    public init(userInfo: [CodingUserInfoKey: any Sendable] = [:]) {
        self.userInfo = userInfo
    }

    /// `application/msgpack`.
    public var contentType: String { "application/msgpack" }

    /// The bytes of a value, in the shortest form.
    ///
    /// Members are in the order in which the type writes them, a dictionary's in the order of its keys. A whole number
    /// has 64 bits at most.
    ///
    /// - Throws: an `EncodingError`, or what the value throws.
    public func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        try ValueEncoding.bytes(of: value, format: .messagePack, userInfo: userInfo)
    }

    /// The value that the bytes are: one, with nothing after it.
    ///
    /// - Throws: a `DecodingError`, or what the type throws.
    public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try Document(bytes, format: .messagePack, userInfo: userInfo).value(type, at: 0) { .root }
    }

    /// Where everything is in the bytes of one value.
    static func outline(of bytes: [UInt8]) throws -> DocumentOutline {
        guard bytes.count <= DocumentOutline.maximumCount else { throw malformed("It is longer than 2 GiB.") }
        var scanner = MessagePackScanner(bytes)
        var outline = DocumentOutline(count: bytes.count)
        guard scanner.takeValue(into: &outline) else {
            throw malformed("It is no MessagePack from byte \(scanner.position) on, or too deeply nested there.")
        }
        guard scanner.isAtEnd else { throw malformed("Something follows the value at byte \(scanner.position).") }
        return outline
    }

    private static func malformed(_ reason: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: [], debugDescription: reason))
    }
}
