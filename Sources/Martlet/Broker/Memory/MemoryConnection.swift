/// A connection to an embedded broker.
public actor MemoryConnection: Connection {
    /// What the patterns keep for this connection.
    public nonisolated let runtime: ConnectionRuntime
    private let link: MemoryLink

    init(_ link: MemoryLink) {
        self.link = link
        runtime = link.runtime
    }

    /// Everything but queues that outlive the process.
    public nonisolated var capabilities: Capabilities { MemoryBroker.capabilities }

    /// Publishes a message; see ``Connection/publish(_:to:options:)``.
    public nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try topic.validate()
        runtime.trace("publishing", topic.text, message)
        try await link.publish(message, to: topic, options)
    }

    /// Subscribes to topics; see ``Connection/subscribe(to:options:)``.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try pattern.validate()
        let options = try options.checked(for: pattern, on: capabilities)
        let mailbox = Mailbox(limit: options.limit, overflow: options.overflow, weight: runtime.waitingWeight)
        let (ruled, recipient) = try link.broker.subscribe(link.client, to: pattern, options, mailbox)
        let source = DeliverySource(ruled, on: runtime)
        return Subscription(mailbox, of: ruled.onlyTopic, from: source) { [link] in link.broker.unsubscribe(recipient) }
    }

    /// Sends a message to a queue; see ``Connection/send(_:to:options:)``.
    public nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try queue.validate()
        runtime.trace("sending", queue.text, message)
        try await link.send(message, to: queue, options)
    }

    /// Consumes a queue; see ``Connection/consume(from:options:)``.
    public func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try queue.validate()
        try options.validate()
        let mailbox = Mailbox<Delivery>(limit: options.prefetch, overflow: .suspend)
        let (ruled, recipient) = try link.broker.consume(link.client, from: queue, options, mailbox)
        let source = DeliverySource(on: runtime)
        return Subscription(mailbox, of: ruled.ownTopic, from: source) { [link] in
            link.broker.stopConsuming(recipient)
        }
    }

    /// Opens the reply address; see ``Connection/openReplyAddress(_:)``.
    ///
    /// Each call has an address of its own, `reply/<128 random bits>/<call>`: clients of a server that answer to the topic that
    /// they are told may say nothing else about what they answer.
    public func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        let base = try link.hearReplies(receive)
        return ReplyAddress(lease: { "\(base)/\($0)" }, giveBack: { _ in })
    }

    /// Sends a message to a reply address; see ``Connection/reply(_:to:)``.
    public nonisolated func reply(_ message: Message, to address: String) async throws {
        runtime.trace("replying", address, message)
        try await link.reply(message, to: address)
    }

    /// Closes the connection; see ``Connection/close()``.
    public func close() async {
        await link.close()
    }

    // MARK: Faults

    /// Loses the link, as a pulled cable does: the will is published, deliveries not settled go to others, calls in
    /// flight fail, and what is published meanwhile does not arrive.
    public nonisolated func cut() {
        link.cut()
    }

    /// Gets the link back, with everything that was open on it.
    public nonisolated func restore() {
        link.restore()
    }
}
