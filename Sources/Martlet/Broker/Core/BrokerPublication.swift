/// A message that is published, and what goes with it.
package struct BrokerPublication: Sendable {
    package let message: Message
    package let topic: TopicName
    /// Whether the broker keeps it.
    package let retain: Bool
    /// How surely it was published.
    package let guarantee: Guarantee
    /// When it is worthless, by the broker's clock; `nil`: never.
    package let expiresAt: Duration?
    /// The number of the client that publishes it; `nil`: the broker itself.
    package let publisher: Int?
    /// What it is made of, for those who can use that as it is.
    package let origin: (any AnyObject & Sendable)?

    package init(
        _ message: Message,
        to topic: TopicName,
        retain: Bool,
        guarantee: Guarantee = .atMostOnce,
        expiresAt: Duration? = nil,
        publisher: Int? = nil,
        origin: (any AnyObject & Sendable)? = nil
    ) {
        self.message = message
        self.topic = topic
        self.retain = retain
        self.guarantee = guarantee
        self.expiresAt = expiresAt
        self.publisher = publisher
        self.origin = origin
    }
}
