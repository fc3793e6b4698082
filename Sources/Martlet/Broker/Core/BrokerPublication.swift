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
    /// Whether it is a reply, to an address that is a topic.
    package let isReply: Bool
    /// Of a queue's message, how often it was delivered before.
    package var redeliveries = 0

    package init(
        _ message: Message,
        to topic: TopicName,
        retain: Bool,
        guarantee: Guarantee = .atMostOnce,
        expiresAt: Duration? = nil,
        publisher: Int? = nil,
        origin: (any AnyObject & Sendable)? = nil,
        isReply: Bool = false
    ) {
        self.message = message
        self.topic = topic
        self.retain = retain
        self.guarantee = guarantee
        self.expiresAt = expiresAt
        self.publisher = publisher
        self.origin = origin
        self.isReply = isReply
    }
}

extension BrokerPublication {
    /// Whether the broker says by it how it stands.
    var isOfBroker: Bool { publisher == nil && topic.isOfBroker }

    /// The message as readers in this process get it.
    package var readable: Message { origin == nil ? message : message.outOfEnvelope }
}

extension QueuedMessage {
    /// The message as readers in this process get it.
    var readable: Message { origin == nil ? message : message.outOfEnvelope }
}

extension Message {
    /// A client's message out of its envelope, if it comes of a program that has put it into one, for want of headers.
    fileprivate var outOfEnvelope: Message {
        guard body.first == UInt8(ascii: "{"), var inner = Envelope.unwrap(body, from: .publication) else {
            return self
        }
        for (name, value) in headers where inner.headers[name] == nil { inner.headers[name] = value }
        return inner
    }
}
