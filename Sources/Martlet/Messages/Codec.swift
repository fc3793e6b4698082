/// How values become bytes and bytes become values.
///
/// A codec is chosen by a message's content type; see ``Codecs``. It is used from many tasks at once.
public protocol Codec: Sendable {
    /// The media type it reads and writes, such as `application/json`.
    var contentType: String { get }

    /// Whether messages say that they were written with it, by the header ``Headers/Standard/contentType``. By default they
    /// do, unless it is JSON. Where they don't, nothing but the bytes goes on the wire, and a connection that writes with it
    /// reads with it whatever says nothing of itself.
    var isAnnounced: Bool { get }

    /// The bytes of a value. What it throws reaches the caller as ``MessagingError/Code/encodingFailed``.
    func encode<Value: Encodable>(_ value: Value) throws -> [UInt8]

    /// The value of bytes that may be anything at all: it throws for what it can't read, and never traps. What
    /// it throws is reported as ``MessagingError/Code/decodingFailed``.
    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value
}

extension Codec {
    /// It is.
    public var isAnnounced: Bool { true }
}
