/// How values become bytes and bytes become values.
///
/// A codec is chosen by a message's content type; see ``Codecs``. It is used from many tasks at once.
public protocol Codec: Sendable {
    /// The media type it reads and writes, such as `application/json`.
    var contentType: String { get }

    /// The bytes of a value. What it throws reaches the caller as ``MessagingError/Code/encodingFailed``.
    func encode<Value: Encodable>(_ value: Value) throws -> [UInt8]

    /// The value of bytes that may be anything at all: it throws for what it can't read, and never traps. What
    /// it throws is reported as ``MessagingError/Code/decodingFailed``.
    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value
}
