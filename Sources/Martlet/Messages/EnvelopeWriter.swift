/// Puts one message into an envelope; see ``Envelope`` for what goes where.
struct EnvelopeWriter {
    private let message: Message
    private let encoding: Envelope.Encoding
    private let replyTo: String
    private var correlationID: String?
    private var timestamp: Int64
    private var contentType = "json"
    /// The headers that no field of the envelope says exactly.
    private var properties: [Headers.Element] = []

    init(_ message: Message, replyTo: String?, now: Int64) {
        self.message = message
        timestamp = message.headers.timestamp ?? now
        var ownReplyTo = ""
        for header in message.headers {
            switch (header.name, header.value) {
            case (Headers.Standard.replyTo, _) where replyTo != nil: break
            case (Headers.Standard.replyTo, .string(let text)) where !text.isEmpty: ownReplyTo = text
            case (Headers.Standard.correlationID, .string(let text)) where !text.isEmpty: correlationID = text
            case (Headers.Standard.contentType, .string(let text)) where !text.isEmpty && text != "json":
                contentType = text
            case (Headers.Standard.timestamp, .integer): break
            default: properties.append(header)
            }
        }
        self.replyTo = replyTo ?? ownReplyTo
        if message.body.isEmpty {
            encoding = .none
        } else if message.headers.contentType.map(Envelope.isJSON) ?? true, JSONScanner.isValue(message.body) {
            encoding = .plain
        } else {
            encoding = .base64
        }
    }

    func bytes(for use: Envelope.Use) -> [UInt8] {
        var writer = JSONWriter(capacity: capacity)
        writer.write(#"{"header":{"reply_to":"#)
        writer.write(string: replyTo)
        writer.write(#","correlation_id":"#)
        if let correlationID { writer.write(string: correlationID) } else { writer.write("null") }
        writer.write(#","timestamp":"#)
        writer.write(integer: timestamp)
        writer.write(#","content_type":"#)
        writer.write(string: contentType)
        writer.write(#","encoding":""#)
        writer.write(encoding.name)
        writer.write(#"","agent":"martlet""#)
        writeProperties(for: use, to: &writer)
        writer.write(#"},"data":"#)
        switch encoding {
        case .plain: writer.write(json: message.body)
        case .base64: writer.write(base64: message.body)
        case .none: writer.write(message.headers[Headers.Standard.errorCode] == nil ? "{}" : "null")
        }
        writer.write("}")
        return writer.bytes
    }

    /// Enough for the whole envelope, unless strings need escapes.
    private var capacity: Int {
        var capacity = 256 + replyTo.utf8.count + contentType.utf8.count * 2 + (correlationID?.utf8.count ?? 0)
        capacity += encoding == .base64 ? Base64.encodedCount(message.body.count) : message.body.count
        for (name, value) in properties {
            capacity += name.utf8.count + 32
            switch value {
            case .string(let text): capacity += text.utf8.count
            case .bytes(let bytes): capacity += Base64.encodedCount(bytes.count)
            case .integer, .double, .boolean: break
            }
        }
        return capacity
    }

    private func writeProperties(for use: Envelope.Use, to writer: inout JSONWriter) {
        guard use == .publication || !properties.isEmpty else { return }
        writer.write(#","properties":{"#)
        var isFirst = true
        if use == .publication {
            writer.write(#""content_type":"#)
            writer.write(string: contentType == "json" ? "application/json" : contentType)
            writer.write(encoding == .base64 ? #","content_encoding":"base64""# : #","content_encoding":"utf8""#)
            isFirst = false
        }
        for (name, value) in properties {
            if !isFirst { writer.write(",") }
            isFirst = false
            writer.write(string: name)
            writer.write(":")
            // These two names describe the content; a header that is called so has to look different.
            if name == "content_type" || name == "content_encoding" {
                writer.write(#"{"value":"#)
                Self.write(value, to: &writer)
                writer.write("}")
            } else {
                Self.write(value, to: &writer)
            }
        }
        writer.write("}")
    }

    private static func write(_ value: HeaderValue, to writer: inout JSONWriter) {
        switch value {
        case .string(let text): writer.write(string: text)
        case .integer(let number): writer.write(integer: number)
        case .boolean(let truth): writer.write(truth ? "true" : "false")
        case .double(let number) where number.isFinite: writer.write(double: number)
        case .double(let number):
            writer.write(#"{"double":"#)
            writer.write(string: number.description)
            writer.write("}")
        case .bytes(let bytes):
            writer.write(#"{"base64":"#)
            writer.write(base64: bytes)
            writer.write("}")
        }
    }
}
