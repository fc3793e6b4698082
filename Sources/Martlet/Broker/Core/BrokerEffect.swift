/// Whom a message is for: a client's subscription or consumer, under the number that the shell gave it.
package struct Recipient: Sendable, Hashable {
    package let client: Int
    package let number: Int

    package init(client: Int, number: Int) {
        self.client = client
        self.number = number
    }
}

/// A message that the core has handed to a client.
enum BrokerDelivery: Sendable {
    case publication(BrokerPublication, isRetained: Bool, to: Subscriber)
    case assignment(QueuedMessage, tag: UInt64, QueueName, to: Recipient)
    case reply(Message, address: String, client: Int)

    /// The client that gets it.
    var client: Int {
        switch self {
        case .publication(_, _, let subscriber): subscriber.recipient.client
        case .assignment(_, _, _, let recipient): recipient.client
        case .reply(_, _, let client): client
        }
    }
}

/// What the broker's core has its shell do.
enum BrokerEffect: Sendable {
    /// Deliver a message: now or, in stepped mode, when a test says so.
    case deliver(BrokerDelivery)
    /// Wake a sender that waits: its message has been let in.
    case admit(sender: UInt64)
    /// Wake a sender that waits: its message expired before its queue had room.
    case expire(sender: UInt64)
    /// End the subscription or consumer of a number.
    case end(number: Int)
    /// Tell the broker's handler that a client has gone.
    case tellGone(BrokerClient, inOrder: Bool)
    /// Tell it that a client's session has ended.
    case tellExpired(BrokerClient)
}
