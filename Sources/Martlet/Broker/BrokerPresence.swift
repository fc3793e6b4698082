/// The clients and queues of an embedded broker.
public struct BrokerPresence: Sendable, Hashable {
    /// A connected client.
    public struct Client: Sendable, Hashable {
        /// The client itself.
        public let client: BrokerClient
        /// The topic filters it subscribes to.
        public let subscriptions: [TopicPattern]
        /// The queues it consumes.
        public let queues: [QueueName]
    }

    /// A queue.
    public struct Queue: Sendable, Hashable {
        /// Its name.
        public let name: QueueName
        /// How many consumers it has.
        public let consumers: Int
        /// How many messages wait in it.
        public let waiting: Int
        /// How many deliveries are not settled yet.
        public let unsettled: Int
    }

    /// The connected clients, in the order in which they connected.
    public let clients: [Client]
    /// The queues, by name.
    public let queues: [Queue]
}
