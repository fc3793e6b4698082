import Martlet

/// Where a message's headers are: in MQTT 5 beside the body, in 3.1.1, and for calls always, in an envelope.
extension WireCoding {
    /// What is sent as the body of a message that is published or queued.
    func payload(of message: Message, _ version: MQTTVersion, format: MessageFormat? = nil) throws -> [UInt8] {
        try publication(message, format: format, carriesHeaders: version == .v5)
    }

    /// The message that was received, out of its envelope if it has one.
    ///
    /// - Throws: what ``message(_:beside:from:isRouting:isForBodyAlone:)`` throws.
    func message(_ received: ReceivedMessage, from use: Envelope.Use) throws -> Message {
        try message(received.body, beside: received.headers, from: use)
    }
}
