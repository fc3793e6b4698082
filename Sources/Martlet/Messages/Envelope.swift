/// A message's headers and body as one JSON text, for brokers that carry bytes alone.
///
/// It is what commlib-py sends as an RPC's request and reply, and what it once documented for topics too:
///
///     {"header":{"reply_to":"rpc-1","correlation_id":null,"timestamp":1795225731391319550,
///      "content_type":"json","encoding":"utf8","agent":"martlet","properties":{"timeout":1500}},"data":{"a":0}}
///
/// **Body.** `data` is the body itself, byte for byte but for white space around it, if the content type says that it
/// is JSON or says nothing, and it is one JSON value. Any other body is base64 text, and `encoding` says `base64`. An
/// empty body is `{}`, and `encoding` says `none`; with an error it is `null`, which is the one thing that a Python peer
/// does not take for a success: it waits on until its timeout, has no reply at once, or fails to read it.
///
/// **Headers.** `reply_to`, `correlation_id`, `timestamp` and `content_type` are the standard headers; `""`, `null`
/// and the content type `json` mean that there is none. What they can't say exactly, and every other header, is in
/// `properties`, which counts more than they do. Text, numbers and truth values are as in JSON, a double always with
/// a fraction or exponent; bytes are `{"base64":"…"}`, and a double that JSON has no notation for is
/// `{"double":"nan"}`. An error is two headers like any others, at which Python peers do not look.
package enum Envelope {
    /// What an envelope is for: whether the reader expects one, and what the writer puts in.
    package enum Use: Sendable {
        /// A request or reply. Nothing else is sent there, so whatever has `header` and `data` is an envelope.
        case call
        /// What is published or queued. Most of that has no envelope, so only what can hardly be anything else is
        /// taken for one. Written, it has the older documentation's `properties.content_type` and
        /// `properties.content_encoding` too.
        case publication
    }

    /// A message in an envelope.
    ///
    /// - Parameters:
    ///   - replyTo: the address for the reply as this broker's peers know it, instead of the message's header.
    ///   - now: nanoseconds since 1970, for a message that has no time of its own.
    package static func wrap(
        _ message: Message,
        for use: Use,
        replyTo: String? = nil,
        now: Int64 = WallClock.nanoseconds
    ) -> [UInt8] {
        EnvelopeWriter(message, replyTo: replyTo, now: now).bytes(for: use)
    }

    /// The message in an envelope; `nil` if the bytes are none, and are the body itself.
    ///
    /// An envelope is JSON: an object with `header` and `data`, in any order, of whose keys the last counts if they
    /// occur twice. Keys of the header that nobody knows are ignored. The time may be seconds with a fraction instead
    /// of nanoseconds, and the correlation ID a number.
    ///
    /// For a ``Use/publication`` the object has no other key, each of the header's known fields has its type or is
    /// `null`, and the header has `reply_to`, or else both `timestamp` and `properties`, but no `msg_id` or `node_id`:
    /// that is the header which an application's own messages have in commlib-py.
    ///
    /// For a ``Use/call`` other keys are ignored, a header that is no object counts as an empty one, and a field of
    /// the wrong type as absent.
    ///
    /// In both, a property whose value is `null`, an array, or an object of no meaning is skipped, and `data` that is
    /// not what `encoding` says is the body as it stands.
    package static func unwrap(_ bytes: [UInt8], from use: Use) -> Message? {
        var reader = EnvelopeReader(bytes, use: use)
        return reader.message()
    }

    /// Whether a message has to be in an envelope to arrive as it is, where a broker carries bytes alone: because it
    /// has headers, or because its body would be taken for an envelope.
    package static func isNeeded(for message: Message) -> Bool {
        !message.headers.isEmpty || unwrap(message.body, from: .publication) != nil
    }

    /// What `encoding` says about a body that is not there as it is.
    enum Encoding {
        case plain
        case base64
        case none

        /// The encoding of its name; whatever is unknown leaves the body as it is.
        init(_ name: String) {
            switch name {
            case "base64": self = .base64
            case "none": self = .none
            default: self = .plain
            }
        }

        /// Its name, as `encoding` has it.
        var name: StaticString {
            switch self {
            case .plain: "utf8"
            case .base64: "base64"
            case .none: "none"
            }
        }
    }

    /// Whether a content type says that a body is JSON, or says nothing.
    package static func isJSON(_ contentType: String) -> Bool { MediaType(contentType)?.isJSON ?? true }
}
