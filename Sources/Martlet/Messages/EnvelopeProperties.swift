/// The `properties` of an envelope's header: headers with their types, and what older peers say about the content.
struct EnvelopeProperties {
    private(set) var fields: [Headers.Element] = []
    /// `content_type`, if that says more than that the body is JSON.
    private(set) var contentType: String?
    /// `content_encoding`.
    private(set) var encoding: Envelope.Encoding?

    /// Takes the value of one property.
    ///
    /// - Returns: false if it is no JSON.
    mutating func take(_ key: JSONText, from scanner: inout JSONScanner) -> Bool {
        if scanner.peek() == UInt8(ascii: "{") {
            var typed = TypedHeader()
            guard scanner.takeObject({ typed.take($0, from: &$1) }) else { return false }
            if let value = typed.value { fields.append((scanner.string(key), value)) }
            return true
        }
        guard let value = scanner.takeValue() else { return false }
        if scanner.text(key, is: "content_type") {
            contentType = scanner.headerValue(value)?.string.flatMap { $0 == "application/json" ? nil : $0 }
        } else if scanner.text(key, is: "content_encoding") {
            encoding = scanner.headerValue(value)?.string.map(Envelope.Encoding.init)
        } else if let value = scanner.headerValue(value) {
            fields.append((scanner.string(key), value))
        }
        return true
    }
}

/// An object that stands for a value which JSON has no notation for, or else is a foreign one and no header.
private struct TypedHeader {
    private var result: HeaderValue?
    private var isForeign = false

    var value: HeaderValue? { isForeign ? nil : result }

    /// Takes the value of one member, of which there should be one.
    mutating func take(_ key: JSONText, from scanner: inout JSONScanner) -> Bool {
        if scanner.text(key, is: "value"), scanner.peek() == UInt8(ascii: "{") {
            var inner = TypedHeader()
            guard scanner.takeObject({ inner.takeText($0, from: &$1) }) else { return false }
            result = inner.value
            return true
        }
        if scanner.text(key, is: "value") {
            guard let value = scanner.takeValue() else { return false }
            result = scanner.headerValue(value)
            return true
        }
        return takeText(key, from: &scanner)
    }

    private mutating func takeText(_ key: JSONText, from scanner: inout JSONScanner) -> Bool {
        guard let value = scanner.takeValue() else { return false }
        if case .string(let text) = value, scanner.text(key, is: "base64") {
            result = Base64.decode(text.unescaped(in: scanner.bytes)[...]).map(HeaderValue.bytes)
        } else if case .string(let text) = value, scanner.text(key, is: "double"), text.range.count <= 24 {
            result = Double(scanner.string(text)).map(HeaderValue.double)
        } else {
            isForeign = true
        }
        return true
    }
}

extension JSONScanner {
    /// The header that a scalar is: a number without fraction and exponent is whole if it fits.
    fileprivate func headerValue(_ value: JSONValue) -> HeaderValue? {
        switch value {
        case .string(let text): .string(string(text))
        case .number(let range): integer(range).map(HeaderValue.integer) ?? double(range).map(HeaderValue.double)
        case .boolean(let truth): .boolean(truth)
        case .null, .arrayOrObject: nil
        }
    }
}
