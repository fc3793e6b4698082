/// The codecs of a connection: one that writes, and those that can be read besides.
///
/// Every message names its content type, unless it is JSON; so peers with different codecs understand each other
/// as long as each can read what the other writes. Only a codec that is not announced, such as ``PlainText``, has to be
/// agreed upon.
public struct Codecs: Sendable {
    /// An object, so that to use it for a message costs one reference count: all tasks of a connection share it.
    private final class Contents: Sendable {
        let writer: any Codec
        /// What messages say that were written with it; `nil`: nothing.
        let contentType: String?
        /// Whether it is the codec that messages say nothing of because it is the usual one.
        let isJSON: Bool
        /// What a message is read with that says nothing.
        let standard: any Codec
        let readers: [String: any Codec]

        init(writer: any Codec, readers: [any Codec]) {
            var all: [String: any Codec] = [JSONCodec().contentType: JSONCodec()]
            for codec in readers + [writer] { all[codec.contentType] = codec }
            self.writer = writer
            contentType = Self.announced(writer)
            isJSON = Self.isJSON(writer)
            standard = writer.isAnnounced ? all[MediaType.json] ?? JSONCodec() : writer
            self.readers = all
        }

        static func isJSON(_ codec: any Codec) -> Bool {
            codec.isAnnounced && codec.contentType == MediaType.json
        }

        static func announced(_ codec: any Codec) -> String? {
            codec.isAnnounced && codec.contentType != MediaType.json ? codec.contentType : nil
        }
    }

    private let contents: Contents

    /// What values are written with.
    public var writer: any Codec { contents.writer }

    /// - Parameters:
    ///   - writer: what values are written with; it is also read.
    ///   - readers: what is read as well. JSON always is.
    public init(writer: any Codec = JSONCodec(), readers: [any Codec] = []) {
        contents = Contents(writer: writer, readers: readers)
    }

    /// Bytes of which nothing is said (RFC 2046, section 4.5.1). They are read as if they had no type: commlib-py calls so
    /// what its binary serializer makes.
    private static var unknownBytes: String { "application/octet-stream" }

    /// A message with the value as its body.
    ///
    /// - Parameters:
    ///   - value: what is encoded.
    ///   - codec: what it is written with, instead of the writer.
    /// - Throws: ``MessagingError/Code/encodingFailed``.
    public func message<Value: Encodable>(_ value: Value, codec: (any Codec)? = nil) throws -> Message {
        var message = Message()
        do {
            message.body = try (codec ?? contents.writer).encode(value)
        } catch {
            throw MessagingError(.encodingFailed, "a \(Value.self) could not be encoded", cause: error)
        }
        if let type = codec.map(Contents.announced) ?? contents.contentType { message.headers.contentType = type }
        if codec.map(Contents.isJSON) ?? contents.isJSON { message.headers.native = .json }
        return message
    }

    /// The value of a message's body.
    ///
    /// - Parameters:
    ///   - type: the type of the value.
    ///   - message: the message.
    ///   - codec: what it is read with, whatever its content type; `nil`: the reader of that type.
    /// - Throws: ``MessagingError/Code/decodingFailed``, or ``MessagingError/Code/unsupportedContentType`` where no
    ///   codec reads what the message's content type names.
    public func value<Value: Decodable>(
        _ type: Value.Type = Value.self,
        of message: Message,
        codec: (any Codec)? = nil
    ) throws -> Value {
        let reader = try codec ?? reader(of: message)
        do {
            return try reader.decode(type, from: message.body)
        } catch {
            let reason = (error as? DecodingError)?.summary ?? "\(Swift.type(of: error))"
            throw MessagingError(
                .decodingFailed,
                "a body of \(message.body.count) bytes is no \(Value.self): \(reason)"
            )
        }
    }

    private func reader(of message: Message) throws -> any Codec {
        guard let type = message.headers.contentType.flatMap(MediaType.init) else { return contents.standard }
        if let reader = contents.readers[type.name] { return reader }
        if type.isJSON { return contents.readers[MediaType.json] ?? JSONCodec() }
        if type.name == Self.unknownBytes { return contents.standard }
        let types = contents.readers.keys.sorted().joined(separator: ", ")
        throw MessagingError(
            .unsupportedContentType,
            "no codec reads \(quoted(type.name)); this connection reads \(types)"
        )
    }
}
