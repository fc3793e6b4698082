/// The `header` of an envelope, as far as it is known.
struct EnvelopeHeader {
    /// What has been seen, beside the values.
    private struct Signs: OptionSet {
        let rawValue: UInt8
        static let replyTo = Signs(rawValue: 1)
        static let timestamp = Signs(rawValue: 2)
        static let properties = Signs(rawValue: 4)
        /// `msg_id` or `node_id`, which an application's own header has.
        static let identity = Signs(rawValue: 8)
        /// A known field is not of its type.
        static let wrongType = Signs(rawValue: 16)
    }

    private var replyTo: String?
    private var correlationID: String?
    private var timestamp: Int64?
    private var contentType: String?
    private var ownEncoding: Envelope.Encoding?
    private var properties = EnvelopeProperties()
    private var signs: Signs = []

    /// Takes the next value, which should be an object.
    ///
    /// - Returns: `nil` if it is no JSON.
    init?(from scanner: inout JSONScanner) {
        guard scanner.peek() == UInt8(ascii: "{") else {
            signs = .wrongType
            guard scanner.skipValue() != nil else { return nil }
            return
        }
        guard scanner.takeObject({ key, scanner in take(key, from: &scanner) }) else { return nil }
    }

    /// Whether it can hardly be anything but the header of an envelope.
    var isUnmistakable: Bool {
        if signs.contains(.wrongType) { return false }
        return signs.contains(.replyTo)
            || signs.isSuperset(of: [.timestamp, .properties]) && !signs.contains(.identity)
    }

    /// What the body is written in.
    var encoding: Envelope.Encoding { ownEncoding ?? properties.encoding ?? .plain }

    /// All headers; the properties count more.
    var headers: Headers {
        var fields: [Headers.Element] = []
        fields.reserveCapacity(properties.fields.count + 4)
        if let correlationID { fields.append((Headers.Standard.correlationID, .string(correlationID))) }
        if let replyTo { fields.append((Headers.Standard.replyTo, .string(replyTo))) }
        if let timestamp { fields.append((Headers.Standard.timestamp, .integer(timestamp))) }
        if let contentType = contentType ?? properties.contentType, contentType != "json" {
            fields.append((Headers.Standard.contentType, .string(contentType)))
        }
        fields.append(contentsOf: properties.fields)
        return Headers(received: fields)
    }

    private mutating func take(_ key: JSONText, from scanner: inout JSONScanner) -> Bool {
        if scanner.text(key, is: "properties") {
            return takeProperties(from: &scanner)
        }
        guard let value = scanner.takeValue() else { return false }
        if scanner.text(key, is: "reply_to") {
            replyTo = text(value, in: scanner)
            signs.insert(.replyTo)
        } else if scanner.text(key, is: "correlation_id") {
            if case .number(let range) = value, scanner.integer(range) != nil {
                correlationID = String(decoding: scanner.bytes[range], as: UTF8.self)
            } else {
                correlationID = text(value, in: scanner)
            }
        } else if scanner.text(key, is: "timestamp") {
            timestamp = time(value, in: scanner)
            signs.insert(.timestamp)
        } else if scanner.text(key, is: "content_type") {
            contentType = text(value, in: scanner)
        } else if scanner.text(key, is: "encoding") {
            ownEncoding = text(value, in: scanner).map(Envelope.Encoding.init)
        } else if scanner.text(key, is: "agent") {
            checkText(value)
        } else if scanner.text(key, is: "msg_id") || scanner.text(key, is: "node_id") {
            signs.insert(.identity)
        }
        return true
    }

    private mutating func takeProperties(from scanner: inout JSONScanner) -> Bool {
        signs.insert(.properties)
        properties = EnvelopeProperties()
        if scanner.peek() == UInt8(ascii: "{") {
            return scanner.takeObject { key, scanner in properties.take(key, from: &scanner) }
        }
        guard let value = scanner.takeValue() else { return false }
        if case .null = value {} else { signs.insert(.wrongType) }
        return true
    }

    /// A field's text; none if it is empty, `null`, or no text.
    private mutating func text(_ value: JSONValue, in scanner: JSONScanner) -> String? {
        checkText(value)
        guard case .string(let text) = value, !text.range.isEmpty else { return nil }
        return scanner.string(text)
    }

    private mutating func checkText(_ value: JSONValue) {
        switch value {
        case .string, .null: break
        case .number, .boolean, .arrayOrObject: signs.insert(.wrongType)
        }
    }

    /// Nanoseconds since 1970, of whole nanoseconds or of a number with a fraction or exponent: that means seconds,
    /// unless it were past the year 5000.
    private mutating func time(_ value: JSONValue, in scanner: JSONScanner) -> Int64? {
        switch value {
        case .number(let range):
            if let nanoseconds = scanner.integer(range) { return nanoseconds }
            guard let number = scanner.double(range) else { return nil }
            return Int64(exactly: (abs(number) < 1e11 ? number * 1e9 : number).rounded())
        case .null:
            return nil
        case .string, .boolean, .arrayOrObject:
            signs.insert(.wrongType)
            return nil
        }
    }
}
