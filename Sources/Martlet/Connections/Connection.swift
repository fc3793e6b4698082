/// The link to one broker.
///
/// A connection survives its broker's restarts: it reconnects by itself and restores what was open on it. Its five
/// verbs are what a transport implements; every pattern is written on them once. What they throw is a
/// ``MessagingError``, or `CancellationError` when the calling task is cancelled while they wait.
///
/// Calls use three more requirements: ``beginRequest(_:to:options:)``, ``consumeRequests(from:options:)`` and
/// ``answer(_:to:settling:)``. By default they are made of the verbs; a transport implements those that its broker can do
/// better.
///
/// A verb called while there is no link throws ``MessagingError/Code/notConnected``, except for messages with a
/// guarantee, which wait for the link as long as their expiry allows. After ``close()`` every verb throws
/// ``MessagingError/Code/connectionClosed``.
public protocol Connection: Actor {
    /// What the patterns keep for this connection.
    nonisolated var runtime: ConnectionRuntime { get }

    /// What the broker gives by itself.
    nonisolated var capabilities: Capabilities { get }

    /// The thread that serves the connection's socket, for tasks that prefer to run there; `nil` where there is none,
    /// as with the embedded broker.
    ///
    /// What is called from there needs no other thread to be woken, which is most of what a call costs. It is for code
    /// that is short and never blocks, for meanwhile the connection stands still:
    ///
    /// ```swift
    /// try await withTaskExecutorPreference(broker.taskExecutor) {
    ///     for step in 0..<1_000 { _ = try await broker.call(move, Step(number: step)) }
    /// }
    /// ```
    nonisolated var taskExecutor: (any TaskExecutor)? { get }

    /// Publishes a message: every present subscriber gets it.
    ///
    /// Returns when it is on its way; with a guarantee when the broker has confirmed it. With the embedded broker it
    /// has then arrived, and no subscriber that asked for ``Overflow/suspend`` is behind. Messages that one task publishes to one
    /// topic with one guarantee stay in order. Cancelled while it waits, it throws, and those who were behind do not get the
    /// message.
    ///
    /// - Throws: ``MessagingError/Code/invalidTopic``, ``MessagingError/Code/bodyTooLarge``,
    ///   ``MessagingError/Code/refused``, ``MessagingError/Code/unsupported`` for a guarantee that the broker can't give.
    nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws

    /// Publishes a message without waiting for the broker's word on it, so that one task may have many under way.
    ///
    /// It returns when the message has its place among those that the task publishes. A transport that does not
    /// implement it waits as ``publish(_:to:options:)-(Message,_,_)`` does.
    ///
    /// - Returns: what to wait for where there is a guarantee.
    /// - Throws: as ``publish(_:to:options:)-(Message,_,_)``, as far as it is known by then.
    nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        options: PublishOptions
    ) async throws -> Confirmation

    /// Subscribes to topics. Once it has returned, nothing published later is missed.
    ///
    /// - Throws: ``MessagingError/Code/invalidFilter``, ``MessagingError/Code/invalidArgument``,
    ///   ``MessagingError/Code/refused``.
    func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription

    /// Sends a message to a queue: exactly one consumer gets it; it waits where nobody consumes.
    ///
    /// Returns when the broker has it. Waits while the queue is full, if that is the queue's rule.
    ///
    /// - Throws: ``MessagingError/Code/invalidQueue``, ``MessagingError/Code/bodyTooLarge``,
    ///   ``MessagingError/Code/refused``, ``MessagingError/Code/queueFull``, ``MessagingError/Code/noResponder`` where
    ///   a consumer is required and missing, ``MessagingError/Code/timeout`` if the message expired while waiting.
    nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws

    /// Sends a message to a queue without waiting for the broker's word on it; see
    /// ``beginPublishing(_:to:options:)-(Message,_,_)``.
    nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Confirmation

    /// Consumes a queue. Its deliveries are to be settled; see ``Delivery``.
    ///
    /// Leaving the subscription puts what it held unsettled back into the queue.
    ///
    /// - Throws: ``MessagingError/Code/invalidQueue``, ``MessagingError/Code/invalidArgument``,
    ///   ``MessagingError/Code/refused``.
    func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription

    /// Opens an address that only this connection hears. The patterns call it once a connection; a transport
    /// restores it after a reconnect.
    ///
    /// - Parameter receive: called with each message and the address it came to, from any thread; it is short.
    func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress

    /// Sends a message to a reply address of another connection.
    ///
    /// - Throws: ``MessagingError/Code/noResponder`` where the broker can tell that nobody hears the address.
    nonisolated func reply(_ message: Message, to address: String) async throws

    /// Sends the request of a call, without waiting for the broker's word on it.
    ///
    /// The reply says more than the broker's word, so the caller minds only a failure. A transport whose broker tells by
    /// itself that a request can't be delivered ends the call then, and need not ask for a word on each request.
    ///
    /// - Returns: what fails if the request can't be delivered.
    /// - Throws: as ``beginSending(_:to:options:)``.
    nonisolated func beginRequest(
        _ request: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Confirmation

    /// Consumes a queue of requests, which are worth nothing without a responder.
    ///
    /// So a broker that keeps queues need not keep this one any longer than it has consumers, and one that keeps nothing
    /// for a lost link need not be told that each request has arrived. Otherwise as ``consume(from:options:)``.
    func consumeRequests(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription

    /// Sends the last reply to a request, and acknowledges the request after it.
    ///
    /// Unlike with ``reply(_:to:)`` nobody minds whether the reply is heard: a caller that has gone needs none. So a
    /// transport may write both together, without waiting in between. If the link is lost before they are written the
    /// request is not acknowledged, and the broker delivers it again.
    ///
    /// - Throws: what is wrong with the reply; `CancellationError` while there is no room for it. Then the request is not
    ///   settled.
    nonisolated func answer(_ reply: Message, to address: String, settling request: Delivery) async throws

    /// Deletes a queue and what waits in it, where the broker keeps queues until it is told to delete them. By default it
    /// does nothing: on other brokers a queue that is empty and unused is gone.
    ///
    /// - Throws: ``MessagingError/Code/invalidQueue``, ``MessagingError/Code/refused``.
    func deleteQueue(_ queue: QueueName) async throws

    /// Closes the connection: subscriptions end, calls in flight fail, what was held unsettled returns to its queue.
    /// What was accepted before is sent first, which may take up to five seconds. When it has returned nothing of the
    /// connection is left running. Closing twice, or by several tasks at once, is no error; cancellation does not shorten it.
    func close() async
}

extension Connection {
    /// None.
    public nonisolated var taskExecutor: (any TaskExecutor)? { nil }

    /// How the connection stands to its broker right now.
    public nonisolated var state: ConnectionState { runtime.states.state }

    /// The present state and every later one, until the connection is closed.
    public nonisolated func states() -> AsyncStream<ConnectionState> { runtime.states.stream() }

    /// What the connection has counted: whatever was skipped or dropped.
    public nonisolated var statistics: ConnectionStatistics { runtime.statistics }

    /// Publishes, and has nothing more to wait for.
    public nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        options: PublishOptions
    ) async throws -> Confirmation {
        try await publish(message, to: topic, options: options)
        return .confirmed
    }

    /// Sends, and has nothing more to wait for.
    public nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Confirmation {
        try await send(message, to: queue, options: options)
        return .confirmed
    }

    /// Sends the request as any message to a queue.
    public nonisolated func beginRequest(
        _ request: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Confirmation {
        try await beginSending(request, to: queue, options: options)
    }

    /// Consumes the queue as any other.
    public func consumeRequests(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await consume(from: queue, options: options)
    }

    /// Replies, then acknowledges.
    public nonisolated func answer(_ reply: Message, to address: String, settling request: Delivery) async throws {
        try await self.reply(reply, to: address)
        // If the link has gone meanwhile the broker delivers the request again, and this says nothing new.
        try? request.ack()
    }

    /// Does nothing.
    public func deleteQueue(_ queue: QueueName) async throws {}

    /// Publishes at most once, without retaining; see ``publish(_:to:options:)-(Message,_,_)``.
    public nonisolated func publish(_ message: Message, to topic: TopicName) async throws {
        try await publish(message, to: topic, options: PublishOptions())
    }

    /// Subscribes with the default options; see ``subscribe(to:options:)-(TopicPattern,_)``.
    public func subscribe(to pattern: TopicPattern) async throws -> Subscription {
        try await subscribe(to: pattern, options: SubscribeOptions())
    }

    /// Sends with the default options; see ``send(_:to:options:)-(Message,_,_)``.
    public nonisolated func send(_ message: Message, to queue: QueueName) async throws {
        try await send(message, to: queue, options: SendOptions())
    }

    /// Consumes with the default options; see ``consume(from:options:)-(QueueName,_)``.
    public func consume(from queue: QueueName) async throws -> Subscription {
        try await consume(from: queue, options: ConsumeOptions())
    }
}
