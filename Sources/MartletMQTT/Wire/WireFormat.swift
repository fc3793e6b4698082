import Martlet

/// Where a message's headers are: in MQTT 5 beside the body, in 3.1.1, and for calls always, in an envelope.
extension WireCoding {
    /// What is sent as the body of a message that is published or queued.
    func payload(of message: Message, _ version: MQTTVersion, format: MessageFormat? = nil) throws -> [UInt8] {
        try publication(message, format: format, carriesHeaders: version == .v5)
    }

    /// The message that was received, out of its envelope if it has one.
    ///
    /// - Throws: what ``unwrap(_:from:)`` throws.
    func message(_ received: ReceivedMessage, from use: Envelope.Use) throws -> Message {
        var body = received.body
        let headers = self.received(received.headers)
        guard var message = try unwrap(&body, from: use) else { return Message(body, headers: headers) }
        for (name, value) in headers where message.headers[name] == nil { message.headers[name] = value }
        return message
    }
}
