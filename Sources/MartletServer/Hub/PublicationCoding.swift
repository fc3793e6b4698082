import Martlet
import MartletMQTTWire

// What a message is on MQTT, and what MQTT's messages are in this process.

extension BrokerPublication {
    /// The message as it goes to clients: as one of them has published it, or as it is made of one of this process.
    ///
    /// Of a queue's message that was delivered before a header says how often. Clients before MQTT 5, which get nothing beside the
    /// payload, are told by its envelope, if it is in one: for the count alone it is not put into one, that would be another payload.
    var wire: Publication {
        let first = origin as? Publication ?? Publication(self)
        guard redeliveries > 0 else { return first }
        var message = readable
        // A client may have sent it anew, for want of another way to give it back.
        let earlier = origin == nil ? 0 : message.headers.takeRedeliveries()
        message.headers.countDelivery(after: earlier + redeliveries - 1)
        let again = Publication(
            BrokerPublication(message, to: topic, retain: retain, guarantee: guarantee, expiresAt: expiresAt)
        )
        let isBare = Envelope.unwrap(first.olderPayload, from: .publication) == nil
        return Publication(
            topic: again.topic,
            payload: again.payload,
            olderPayload: isBare ? first.olderPayload : again.olderPayload,
            properties: again.properties,
            qos: again.qos,
            expiresAt: again.expiresAt
        )
    }
}

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
        var properties = PropertyList()
        properties.add(message.headers) { _ in }
        self.init(
            topic: publication.topic.mqtt,
            payload: newer,
            olderPayload: older,
            properties: properties,
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
