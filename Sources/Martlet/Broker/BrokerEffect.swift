/// What the broker's core wants done: the shell does it now or, in stepped mode, when it is told to.
enum BrokerEffect: Sendable {
    case publication(Message, TopicName, isRetained: Bool = false, to: Mailbox<Delivery>, client: Int)
    case assignment(QueuedMessage, tag: UInt64, QueueName, to: Mailbox<Delivery>, client: Int)
    case reply(Message, address: String, client: Int)

    /// Who gets it.
    var client: Int {
        switch self {
        case .publication(_, _, _, _, let client), .assignment(_, _, _, _, let client), .reply(_, _, let client): client
        }
    }
}
