/// Has a connection speak MessagePack where it would speak JSON: bodies, and the envelope around them.
///
/// ```swift
/// let options = ConnectionOptions(transforms: [MessagePackTransform()])
/// ```
///
/// It is commlib-py's `MessagePackSerializer`. Nothing on the wire says that it is there, so that every peer of the
/// connection has to be set up for it. JSON is read as it is nevertheless, unless it is a single digit. Patterns and codecs
/// go on with JSON: where only Martlet's own peers meet, ``MessagePackCodec`` costs less.
///
/// What JSON has no form for becomes what ``JSONCodec`` would write for it: binary is base64 text, a time the seconds since
/// 1970 in decimals, and a whole number that is a key its digits.
public struct MessagePackTransform: BodyTransform {
    /// A transform to MessagePack.
    public init() {}

    /// The names that MessagePack goes by.
    public var contentTypes: [String] { ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"] }

    /// The MessagePack of JSON text.
    ///
    /// - Throws: a `DecodingError` for what is no JSON.
    public func outgoing(_ bytes: [UInt8]) throws -> [UInt8] {
        try Document(bytes, format: .json).messagePack()
    }

    /// The JSON text of MessagePack, in about four times its bytes at most.
    ///
    /// - Throws: a `DecodingError` for what is no MessagePack, or has an extension in it other than a time.
    public func incoming(_ bytes: [UInt8]) throws -> [UInt8] {
        if bytes.count > 1, JSONScanner.isValue(bytes) { return bytes }
        return try Document(bytes, format: .messagePack).json()
    }
}
