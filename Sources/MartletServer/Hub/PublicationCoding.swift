import Martlet
import MartletMQTTWire

// What a message is on MQTT, and what MQTT's messages are in this process.

extension Publication {
    /// What goes out of a message that was published in this process.
    convenience init(_ publication: BrokerPublication) {
        let coding = WireCoding()
        var message = publication.message
        // What is published has neither transforms nor a format that could fail.
        var plain = message
        // The body of what is said of a goal has its ID as well, and an envelope around it is more than Python's clients read.
        plain.headers[Headers.Standard.goalID] = nil
        var older = (try? coding.publication(plain)) ?? message.body
        var newer = (try? coding.publication(message, carriesHeaders: true)) ?? message.body
        if publication.isReply {
            if let correlation = message.headers.native?.correlation {
                // As bare as its request was (MQTT 5, 4.10.1).
                message.headers[Headers.Standard.correlationID] = correlation.isEmpty ? nil : .bytes(correlation)
                message.headers.native = nil
                if !message.body.isEmpty, message.headers.contentType == nil {
                    message.headers.contentType = "application/json"
                }
                (newer, older) = (message.body, message.body)
            } else {
                older = (try? coding.call(message)) ?? message.body
                newer = older
                message.headers = Headers()
            }
        } else if message.headers.replyTo != nil {
            older = (try? coding.call(message)) ?? message.body
        }
        self.init(
            topic: publication.topic.mqtt,
            payload: newer,
            olderPayload: older,
            properties: PropertyList(message.headers),
            qos: QoS(publication.guarantee),
            expiresAt: publication.expiresAt
        )
    }

    /// What goes on of a message that a client has published.
    convenience init(_ publish: Publish, now: Duration) {
        var properties = publish.properties
        let expiry = properties.number(.messageExpiryInterval)
        properties.remove(.messageExpiryInterval)
        self.init(
            topic: publish.topic,
            payload: publish.payload,
            properties: properties,
            qos: publish.qos,
            expiresAt: expiry.map { now + .seconds(Int($0)) }
        )
    }
}

extension Message {
    /// A client's message in this process.
    init(_ wire: Publication, now: Duration) {
        let left = wire.expiresAt.map { ContinuousClock.now + ($0 - now) }
        self.init(wire.payload, headers: wire.properties.headers(expires: left))
    }
}

extension BrokerPublication {
    /// A client's message in this process.
    init(_ wire: Publication, to topic: TopicName, retain: Bool, publisher: Int?, now: Duration) {
        self.init(
            Message(wire, now: now),
            to: topic,
            retain: retain,
            guarantee: wire.qos.guarantee,
            expiresAt: wire.expiresAt,
            publisher: publisher,
            origin: wire
        )
    }
}

extension QoS {
    init(_ guarantee: Guarantee) {
        switch guarantee {
        case .atMostOnce: self = .atMostOnce
        case .atLeastOnce: self = .atLeastOnce
        case .exactlyOnce: self = .exactlyOnce
        }
    }

    var guarantee: Guarantee {
        switch self {
        case .atMostOnce: .atMostOnce
        case .atLeastOnce: .atLeastOnce
        case .exactlyOnce: .exactlyOnce
        }
    }
}

extension PropertyList {
    /// Headers as properties. What MQTT can't carry is left out.
    init(_ headers: Headers) {
        self.init()
        if let isText = headers.native?.isText { add(.payloadFormatIndicator, isText ? 1 : 0) }
        guard !headers.isEmpty else { return }
        for (name, value) in headers.all {
            switch (name, value) {
            case (Headers.Standard.contentType, .string(let type)) where Self.isText(type):
                add(.contentType, type)
            case (Headers.Standard.replyTo, .string(let topic)) where Self.isTopic(topic):
                add(.responseTopic, topic)
            case (Headers.Standard.correlationID, .bytes(let bytes)) where bytes.count <= 65_535:
                add(.correlationData, bytes)
            case (Headers.Standard.correlationID, .string(let id)) where !id.utf8.isEmpty && id.utf8.count <= 65_535:
                add(.correlationData, Array(id.utf8))
            default:
                let property = UserProperty(name, value, isAllowed: Self.isText)
                guard Self.isText(property.name), Self.isText(property.value) else { continue }
                add(property.name, value: property.value)
            }
        }
    }

    private static func isText(_ text: String) -> Bool {
        text.utf8.count <= 65_535 && TextRules.check(Array(text.utf8).span.bytes) == .fine
    }

    private static func isTopic(_ text: String) -> Bool {
        !text.isEmpty && isText(text) && !text.utf8.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
    }

    /// Properties as headers, as every connection to an MQTT broker reads them.
    func headers(expires: ContinuousClock.Instant?) -> Headers {
        guard !isEmpty || expires != nil else { return Headers() }
        var fields: [Headers.Element] = []
        var pairs: [Headers.Element] = []
        for property in all {
            switch (property.id, property.value) {
            case (.contentType, .text(let type)): fields.append((Headers.Standard.contentType, .string(type)))
            case (.responseTopic, .text(let topic)): fields.append((Headers.Standard.replyTo, .string(topic)))
            case (.correlationData, .data(let data)):
                let text = String(validating: data, as: UTF8.self)
                fields.append((Headers.Standard.correlationID, text.map(HeaderValue.string) ?? .bytes(data)))
            case (.userProperty, .pair(let name, let value)):
                pairs.append(UserProperty(name: name, value: value).header)
            default: break
            }
        }
        var headers = Headers(received: fields + pairs)
        let isRepeating = headers.count < fields.count + pairs.count
        headers.native = NativeProperties(
            fields: isRepeating ? pairs : [],
            isText: number(.payloadFormatIndicator).map { $0 == 1 },
            expires: expires,
            correlation: has(.responseTopic) ? data(.correlationData) ?? [] : nil
        )
        return headers
    }
}
