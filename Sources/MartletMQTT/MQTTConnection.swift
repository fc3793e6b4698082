public import Martlet
import MartletTransport
import Synchronization

/// A connection to an MQTT broker.
///
/// ```swift
/// try await MQTTConnection.withConnection(to: "mqtt://localhost") { broker in
///     try await broker.publish(Sonar(distance: 2.0, angle: 30), to: sonar)
/// }
/// ```
public actor MQTTConnection: Connection {
    nonisolated let session: MQTTSession
    private let loop: EventLoop

    /// It lives on its loop's thread, as its session does.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private init(_ session: MQTTSession) {
        self.session = session
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
    public static func connect(_ options: MQTTOptions) async throws -> MQTTConnection {
        let session = try MQTTSession(options, loop: .serving(options.connection, name: "martlet-mqtt"))
        let connection = MQTTConnection(session)
        try await session.connect()
        return connection
    }

    /// Connects, runs `body`, and closes the connection, whether `body` returns or throws.
    public static func withConnection<Result>(
        _ options: MQTTOptions,
        _ body: (MQTTConnection) async throws -> Result
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

    /// What the version of the protocol gives, and the broker, as far as it has said.
    public nonisolated var capabilities: Capabilities {
        var capabilities = session.options.capabilities
        // Whose they are would not be known where filters overlap.
        if !session.limits.withLock(\.tellsSubscriptions) { capabilities.remove(.retainAsPublished) }
        return capabilities
    }

    /// The thread that serves the connection's socket; see `Connection.taskExecutor`.
    public nonisolated var taskExecutor: (any TaskExecutor)? { loop }

    // MARK: The verbs

    /// Publishes a message; see `Connection.publish(_:to:options:)`.
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
    /// A group's subscription is the broker's shared one, `$share/<group>/<filter>`.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try pattern.validate()
        let options = try options.checked(for: pattern, on: capabilities)
        let inbox = Inbox(
            limit: options.limit,
            overflow: options.overflow,
            weight: runtime.waitingWeight,
            gate: session.gate
        )
        // What is more than is read might be the reader's own: the broker takes it for somebody who waits for it.
        let patterns = options.reads.isEmpty ? [pattern] : options.reads.map(TopicPattern.init)
        let requests = try patterns.map { pattern in
            SubscriptionRequest(
                filter: try session.wire(pattern),
                group: options.group,
                quality: CInt(options.guarantee.rawValue),
                // The broker has none for a group (MQTT 5, 4.8.2).
                wantsRetained: options.retained && options.group == nil,
                noLocal: options.noLocal,
                retainAsPublished: options.retainAsPublished,
                endsWithReader: options.endsWithReader
            )
        }
        let receiver = Receiver.topics(inbox, knowsTopic: !pattern.hasWildcards)
        let members = try await session.subscribe(requests, receiver)
        let source = DeliverySource(pattern, on: runtime)
        return session.subscription(members, receiver, inbox.mailbox, pattern.onlyTopic, source)
    }

    /// Sends a message to a queue; see `Connection.send(_:to:options:)`.
    ///
    /// On MQTT a queue is a topic that its consumers share. The broker keeps nothing for it: with MQTT 5 a guaranteed
    /// message that nobody consumes is the error `MessagingError.Code.noResponder`.
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
    /// It is a shared subscription, `$share/<group>/<queue>`. The library acknowledges each message as soon as it is
    /// in the mailbox, so that `Delivery.ack()` does nothing here, and what is given back is sent anew.
    public func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await consume(from: queue, options, quality: 1, endsWithReader: false)
    }

    /// Consumes a queue of requests; see `Connection.consumeRequests(from:options:)`.
    ///
    /// A request is worth nothing without its caller, which learns by a broker's or a reply's silence. The broker keeps
    /// none for a link that was lost unless it keeps the session; so it need not be told that each has arrived.
    public func consumeRequests(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        let quality: CInt = session.options.session == .clean ? 0 : 1
        return try await consume(from: queue, options, quality: quality, endsWithReader: true)
    }

    private func consume(
        from queue: QueueName,
        _ options: ConsumeOptions,
        quality: CInt,
        endsWithReader: Bool
    ) async throws -> Subscription {
        try queue.validate()
        try options.validate()
        let inbox = PrefetchInbox(prefetch: options.prefetch, weight: runtime.waitingWeight, gate: session.gate)
        let request = SubscriptionRequest(
            filter: try session.wire(queue),
            group: session.options.sharesQueues ? session.options.queueGroup : nil,
            quality: quality,
            endsWithReader: endsWithReader
        )
        let receiver = Receiver.queue(inbox, queue)
        let members = try await session.subscribe([request], receiver)
        let source = DeliverySource(on: runtime)
        return session.subscription(members, receiver, inbox.mailbox, queue.ownTopic, source)
    }

    /// Opens the reply address; see `Connection.openReplyAddress(_:)`.
    ///
    /// Each call has a topic of its own, all below one subscription: peers of other libraries answer to the topic that
    /// they are told, and say nothing else about what they answer.
    public func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        let base: String
        if session.options.session == .clean {
            base =
                "rpc-" + Self.hexadecimal(.random(in: 0...UInt64.max)) + Self.hexadecimal(.random(in: 0...UInt64.max))
        } else {
            // A kept session would have one more for each process. What is added for a call is new in each.
            let hash = StableHash.of(runtime.name)
            base = "rpc-" + Self.hexadecimal(hash) + Self.hexadecimal(StableHash.of(runtime.name, after: ~hash))
        }
        _ = try await session.subscribe(
            [SubscriptionRequest(filter: "\(base)/+", quality: 0, endsWithReader: true)],
            .replies(receive)
        )
        return ReplyAddress(lease: { "\(base)/\($0)" }, giveBack: { _ in })
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

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
