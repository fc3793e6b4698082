public import Martlet

/// A message under MQTT's own names.
public struct MQTTMessage: Sendable, Hashable {
    /// The topic as it is on the wire, with slashes.
    public var topic: String
    /// What arrived; its headers are the user properties, and MQTT 5's content type, response topic and correlation
    /// data.
    public var message: Message
    /// How surely it was delivered.
    public var guarantee: Guarantee
    /// Whether it is one that the broker had kept.
    public var isRetained: Bool

    init(_ received: ReceivedMessage, topic: String) {
        self.topic = topic
        message = Message(received.body, headers: received.headers)
        guarantee = Guarantee(rawValue: received.quality) ?? .atMostOnce
        isRetained = received.isRetained
    }
}
