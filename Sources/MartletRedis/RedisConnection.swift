public import Martlet
import MartletTransport

/// A connection to a Redis server.
///
/// ```swift
/// try await RedisConnection.withConnection(to: "redis://localhost") { broker in
///     try await broker.publish(Sonar(distance: 2.0, angle: 30), to: sonar)
/// }
/// ```
public actor RedisConnection: Connection {
    nonisolated let session: RedisSession
    private let loop: EventLoop

    /// It lives on its loop's thread, as its session does.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private init(_ session: RedisSession) {
        self.session = session
        loop = session.loop
    }

    deinit {
        session.abandon()
    }

    /// Connects to a server, and keeps the link from then on.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` for an option that has no meaning;
    ///   `MessagingError.Code.refused` if the server refuses or its certificate does not convince;
    ///   `MessagingError.Code.timeout`, `MessagingError.Code.connectionLost` if there is none and
    ///   `ConnectionOptions.whenUnreachable` says to fail; `CancellationError`.
    public static func connect(_ options: RedisOptions = RedisOptions()) async throws -> RedisConnection {
        let session = try RedisSession(options, loop: .serving(options.connection, name: "martlet-redis"))
        let connection = RedisConnection(session)
        try await session.connect()
        return connection
    }

    /// Connects, runs `body`, and closes the connection, whether `body` returns or throws.
    public static func withConnection<Result>(
        _ options: RedisOptions = RedisOptions(),
        _ body: (RedisConnection) async throws -> Result
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

    /// What Redis gives, with what is built on it here. Whether queues outlive the server's restart is the server's
    /// configuration, and not promised.
    public nonisolated var capabilities: Capabilities { RedisOptions.capabilities }

    /// The thread that serves the connection's socket; see `Connection.taskExecutor`.
    public nonisolated var taskExecutor: (any TaskExecutor)? { loop }

    // MARK: The verbs

    /// Publishes a message; see `Connection.publish(_:to:options:)`.
    ///
    /// It returns when the message is on its way. A refusal is counted in `ConnectionStatistics.refused`; who wants to
    /// be told, or to know that the server has passed the message on, begins publishing and waits for the confirmation.
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
    /// Redis sends each message once and keeps nothing. While the reader of a subscription with `Overflow.suspend` is
    /// behind, what comes waits at the server, which ends the link of one who is too far behind
    /// (`client-output-buffer-limit`). That, like any loss of the link, shows in `Connection.state` and is counted in
    /// `ConnectionStatistics.gaps`.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try pattern.validate()
        let options = try options.checked(for: pattern, on: capabilities)
        let inbox = Inbox(
            limit: options.limit,
            overflow: options.overflow,
            weight: runtime.waitingWeight,
            gate: session.intake.gate
        )
        let member = try await session.subscribe(to: pattern, inbox)
        let source = DeliverySource(pattern, on: runtime)
        return Subscription(inbox.mailbox, of: pattern.onlyTopic, from: source) { [weak session] in
            session?.leave(member)
        }
    }

    /// Sends a message to a queue; see `Connection.send(_:to:options:)`.
    ///
    /// A queue is a list of its name, to which anyone may push.
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
    /// Each consumer has a socket of its own, on which it waits for as many messages as it may hold.
    public func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try queue.validate()
        try options.validate()
        let inbox = Inbox<Delivery>(limit: options.prefetch, overflow: .suspend, gate: FlowGate(on: session.bell) {})
        let consumer = try await session.consume(queue, prefetch: options.prefetch, inbox)
        let source = DeliverySource(on: runtime)
        return Subscription(inbox.mailbox, of: queue.ownTopic, from: source) { [weak session] in
            session?.leaveQueue(consumer)
        }
    }

    /// Opens the reply address; see `Connection.openReplyAddress(_:)`.
    ///
    /// Each call has a list of its own, as peers of other libraries need it, and Martlet's peers reply by a channel.
    public func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        try await session.openReplies(receive)
    }

    /// Sends a message to a reply address; see `Connection.reply(_:to:)`.
    public nonisolated func reply(_ message: Message, to address: String) async throws {
        runtime.trace("replying", address, message)
        try await session.reply(message, to: address)
    }

    /// Closes the connection; see `Connection.close()`.
    public func close() async {
        await session.close()
    }
}
