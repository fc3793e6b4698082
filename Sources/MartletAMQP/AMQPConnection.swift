public import Martlet
import MartletTransport
import Synchronization

/// A connection to an AMQP 0-9-1 broker.
///
/// ```swift
/// try await AMQPConnection.withConnection(to: "amqp://guest:guest@localhost") { broker in
///     try await broker.publish(Sonar(distance: 2.0, angle: 30), to: sonar)
/// }
/// ```
public actor AMQPConnection: Connection {
    nonisolated let session: AMQPSession
    private let loop: EventLoop
    private let broadcast: EventBroadcast

    /// It lives on its loop's thread, as its session does.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private init(_ session: AMQPSession, _ broadcast: EventBroadcast) {
        self.session = session
        self.broadcast = broadcast
        loop = session.loop
    }

    deinit {
        session.abandon()
    }

    /// Connects to a broker, and keeps the link from then on.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` for an option that has no meaning;
    ///   `MessagingError.Code.refused` if the broker refuses or its certificate does not convince;
    ///   `MessagingError.Code.timeout`, `MessagingError.Code.connectionLost` if there is none and
    ///   `ConnectionOptions.whenUnreachable` says to fail; `CancellationError`.
    public static func connect(_ options: AMQPOptions) async throws -> AMQPConnection {
        let events = EventBroadcast()
        let loop = try EventLoop.serving(options.connection, name: "martlet-amqp")
        let session = try AMQPSession(options, loop: loop, events: events)
        let connection = AMQPConnection(session, events)
        try await session.connect()
        return connection
    }

    /// Connects, runs `body`, and closes the connection, whether `body` returns or throws.
    public static func withConnection<Result>(
        _ options: AMQPOptions,
        _ body: (AMQPConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect(options)
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    // MARK: What it is capable of

    /// What the patterns keep for this connection.
    public nonisolated var runtime: ConnectionRuntime { session.runtime }

    /// Confirms, durable queues that deliver again, detection of responders, expiry and headers.
    public nonisolated var capabilities: Capabilities { AMQPOptions.capabilities }

    /// Why the broker takes no publishes at the moment; `nil`: it does.
    public nonisolated var blockedReason: String? { broadcast.blocked }

    /// What the broker tells from now on, until the connection is closed. Who falls behind misses the older ones of
    /// sixteen.
    public nonisolated func events() -> AsyncStream<AMQPEvent> { broadcast.stream() }

    /// The thread that serves the connection's socket; see `Connection.taskExecutor`.
    public nonisolated var taskExecutor: (any TaskExecutor)? { loop }

    // MARK: The verbs

    /// Publishes a message; see `Connection.publish(_:to:options:)`.
    ///
    /// It goes to the exchange of the options, with the topic as its routing key, of at most 255 bytes. With a guarantee
    /// it is persistent, and kept and sent again until the broker has confirmed it.
    public nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try topic.validate()
        runtime.trace("publishing", topic.text, message)
        try await session.publish(message, to: topic, options)
    }

    /// Publishes a message without waiting for the broker; see `Connection.beginPublishing(_:to:options:)`.
    public nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        options: PublishOptions
    ) async throws -> Confirmation {
        try topic.validate()
        runtime.trace("publishing", topic.text, message)
        return try await session.beginPublishing(message, to: topic, options)
    }

    /// Subscribes to topics; see `Connection.subscribe(to:options:)`.
    ///
    /// It has a queue of its own, which goes with the link, and a channel. With a guarantee the queue is durable and
    /// waits five minutes for a link that was lost; it is deleted when the subscription is left. A group's members share one
    /// queue, `martlet.group.<group>.<binding key>`, which goes a minute after the last of them, or five with a guarantee.
    /// The queue of a durable subscription has its name, and stays when its reader ends; `Subscription.unsubscribe()`
    /// deletes it.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try pattern.validate()
        let options = try options.checked(for: pattern, on: capabilities)
        let (mailbox, id) = try await session.subscribe(to: pattern, options)
        let source = DeliverySource(pattern, on: runtime)
        return Subscription(mailbox, of: pattern.onlyTopic, from: source) {
            [weak session] (ending: Subscription.Ending) in
            session?.leave(id)
            if ending == .unsubscribed, let name = options.durableName { session?.forget(name) }
            if ending != .dropped { mailbox.finish() }
        }
    }

    /// Sends a message to a queue; see `Connection.send(_:to:options:)`.
    ///
    /// A queue that does not exist is declared as the options say; one that does is used as it is. A request, which has
    /// an address for its reply, does not declare its responder's queue.
    public nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try queue.validate()
        runtime.trace("sending", queue.text, message)
        try await session.send(message, to: queue, options)
    }

    /// Sends a message to a queue without waiting for the broker; see `Connection.beginSending(_:to:options:)`.
    public nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Confirmation {
        try queue.validate()
        runtime.trace("sending", queue.text, message)
        return try await session.beginSending(message, to: queue, options)
    }

    /// Consumes a queue; see `Connection.consume(from:options:)`.
    ///
    /// It takes a channel, with the prefetch as its limit. A queue that does not exist is declared as the options say;
    /// one that does is used as it is.
    public func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await consume(from: queue, options, forRequests: false)
    }

    /// Consumes a queue of requests, which goes with its last consumer; see `Connection.consumeRequests(from:options:)`.
    public func consumeRequests(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await consume(from: queue, options, forRequests: true)
    }

    private func consume(
        from queue: QueueName,
        _ options: ConsumeOptions,
        forRequests: Bool
    ) async throws -> Subscription {
        try queue.validate()
        try options.validate()
        let (mailbox, id) = try await session.consume(from: queue, options, forRequests: forRequests)
        let source = DeliverySource(on: runtime)
        return Subscription(mailbox, of: queue.ownTopic, from: source) { [weak session] in session?.leave(id) }
    }

    /// Sends the request of a call; see `Connection.beginRequest(_:to:options:)`.
    ///
    /// That a request can't be routed the broker says by itself, and the call ends with it.
    public nonisolated func beginRequest(
        _ request: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Confirmation {
        try queue.validate()
        runtime.trace("sending", queue.text, request)
        return try await session.beginRequest(request, to: queue, options, isOfCall: true)
    }

    /// Deletes a queue and what waits in it; it is no error that there is none.
    public func deleteQueue(_ queue: QueueName) async throws {
        try queue.validate()
        try await deleteQueue(runtime.names.queue(queue))
    }

    /// Opens the reply address; see `Connection.openReplyAddress(_:)`.
    public func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        let address = try await session.openReplyAddress(receive)
        return ReplyAddress(current: { address.current })
    }

    /// Sends a message to a reply address; see `Connection.reply(_:to:)`.
    public nonisolated func reply(_ message: Message, to address: String) async throws {
        runtime.trace("replying", address, message)
        try await session.reply(message, to: address)
    }

    /// Sends the last reply to a request and acknowledges that; see `Connection.answer(_:to:settling:)`.
    ///
    /// Both are written together, without waiting for the broker.
    public nonisolated func answer(_ reply: Message, to address: String, settling request: Delivery) async throws {
        runtime.trace("replying", address, reply)
        try await session.postReply(reply, to: address, settling: request.settlement)
    }

    /// Closes the connection; see `Connection.close()`.
    public func close() async {
        await session.close()
    }
}
