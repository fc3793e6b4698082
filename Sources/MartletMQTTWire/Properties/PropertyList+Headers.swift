package import Martlet

extension PropertyList {
    /// Adds a message's headers, in the places that MQTT 5 has for them.
    ///
    /// - Parameter refuse: told each that MQTT can't carry. It is left out, unless this throws.
    package mutating func add<Failure: Error>(
        _ headers: Headers,
        orElse refuse: (Headers.Element) throws(Failure) -> Void
    ) throws(Failure) {
        if let isText = headers.native?.isText { add(.payloadFormatIndicator, isText ? 1 : 0) }
        guard !headers.isEmpty else { return }
        let headers = headers.all
        all.reserveCapacity(all.count + headers.count)
        for (name, value) in headers {
            switch (name, value) {
            case (Headers.Standard.contentType, .string(let type)):
                guard TextRules.isFine(type) else {
                    try refuse((name, value))
                    continue
                }
                add(.contentType, type)
            case (Headers.Standard.replyTo, .string(let topic)) where TextRules.isTopic(topic):
                add(.responseTopic, topic)
            case (Headers.Standard.correlationID, .bytes(let bytes)) where bytes.count <= TextRules.longest:
                add(.correlationData, bytes)
            case (Headers.Standard.correlationID, .string(let id))
            where !id.utf8.isEmpty && id.utf8.count <= TextRules.longest:
                add(.correlationData, Array(id.utf8))
            default:
                // Its value is a text that is fine, or Base64, which may only be too long.
                let property = UserProperty(name, value, isAllowed: TextRules.isFine)
                guard TextRules.isFine(property.name), property.value.utf8.count <= TextRules.longest else {
                    try refuse((name, value))
                    continue
                }
                add(property.name, value: property.value)
            }
        }
    }

    /// The properties of a message as its headers.
    ///
    /// - Parameter expires: when it is worthless; `nil`: never.
    package func headers(expires: ContinuousClock.Instant?) -> Headers {
        guard !isEmpty || expires != nil else { return Headers() }
        var fields: [Headers.Element] = []
        var pairs: [Headers.Element] = []
        var isText: Bool?
        var correlation: [UInt8] = []
        var isRequest = false
        for property in all {
            switch (property.id, property.value) {
            case (.payloadFormatIndicator, .number(let number)): isText = number == 1
            case (.contentType, .text(let type)): fields.append((Headers.Standard.contentType, .string(type)))
            case (.responseTopic, .text(let topic)):
                fields.append((Headers.Standard.replyTo, .string(topic)))
                isRequest = true
            case (.correlationData, .data(let data)):
                let text = String(validating: data, as: UTF8.self)
                fields.append((Headers.Standard.correlationID, text.map(HeaderValue.string) ?? .bytes(data)))
                correlation = data
            case (.userProperty, .pair(let name, let value)):
                pairs.append(UserProperty(name: name, value: value).header)
            default: break
            }
        }
        var headers = Headers(received: fields + pairs)
        let isRepeating = headers.count < fields.count + pairs.count
        guard isRequest || isRepeating || isText != nil || expires != nil else { return headers }
        headers.native = NativeProperties(
            fields: isRepeating ? pairs : [],
            isText: isText,
            expires: expires,
            correlation: isRequest ? correlation : nil
        )
        return headers
    }
}

extension QoS {
    package init(_ guarantee: Guarantee) {
        self =
            switch guarantee {
            case .atMostOnce: .atMostOnce
            case .atLeastOnce: .atLeastOnce
            case .exactlyOnce: .exactlyOnce
            }
    }

    package var guarantee: Guarantee {
        switch self {
        case .atMostOnce: .atMostOnce
        case .atLeastOnce: .atLeastOnce
        case .exactlyOnce: .exactlyOnce
        }
    }
}
