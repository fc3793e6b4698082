import Martlet

/// Where a message's headers are: in MQTT 5 beside the body, in 3.1.1, and for calls always, in an envelope.
enum WireFormat {
    /// What is sent as the body of a message that is published or queued.
    static func payload(of message: Message, _ version: MQTTVersion) -> [UInt8] {
        switch version {
        case .v311:
            Envelope.isNeeded(for: message) ? Envelope.wrap(message, for: .publication) : message.body
        case .v5:
            // The headers are properties. Only a body that would be taken for an envelope has to be in one.
            Envelope.isNeeded(for: Message(message.body))
                ? Envelope.wrap(Message(message.body), for: .publication) : message.body
        }
    }

    /// The message that was received, out of its envelope if it has one.
    static func message(_ received: ReceivedMessage, from use: Envelope.Use) -> Message {
        guard var message = Envelope.unwrap(received.body, from: use) else {
            return Message(received.body, headers: received.headers)
        }
        for (name, value) in received.headers where message.headers[name] == nil { message.headers[name] = value }
        return message
    }
}
