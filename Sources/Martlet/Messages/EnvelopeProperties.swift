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
            var value: HeaderValue?
            guard scanner.takeObject({ Self.take($0, from: &$1, into: &value) }) else { return false }
            if let value { fields.append((scanner.string(key), value)) }
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

    /// Takes a member of an object that stands for a value which JSON has no notation for.
    private static func take(
        _ key: JSONText,
        from scanner: inout JSONScanner,
        into result: inout HeaderValue?
    ) -> Bool {
        if scanner.text(key, is: "value"), scanner.peek() == UInt8(ascii: "{") {
            return scanner.takeObject { key, scanner in
                guard let value = scanner.takeValue() else { return false }
                result = special(key, value, in: scanner) ?? result
                return true
            }
        }
        guard let value = scanner.takeValue() else { return false }
        if scanner.text(key, is: "value") {
            result = scanner.headerValue(value) ?? result
        } else {
            result = special(key, value, in: scanner) ?? result
        }
        return true
    }

    private static func special(_ key: JSONText, _ value: JSONValue, in scanner: JSONScanner) -> HeaderValue? {
        guard case .string(let text) = value else { return nil }
        if scanner.text(key, is: "base64") {
            return Base64.decode(text.unescaped(in: scanner.bytes)[...]).map(HeaderValue.bytes)
        }
        if scanner.text(key, is: "double"), text.range.count <= 24 {
            return Double(scanner.string(text)).map(HeaderValue.double)
        }
        return nil
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
