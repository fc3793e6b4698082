import Martlet

/// A connection whose publishes and sends a test decides about: to fail, or to be confirmed when it says so.
actor ScriptedConnection: Connection {
    enum Answer: Sendable {
        case passOn
        case fail(MessagingError)
        /// Passed on, and confirmed when the promise is kept.
        case confirm(Promise<Void>)
    }

    private let base: MemoryConnection
    private nonisolated let script: @Sendable (Message, String) -> Answer
    nonisolated let capabilities: Capabilities
    nonisolated let taskExecutor: (any TaskExecutor)?
    private let prefetch: Int?

    /// - Parameters:
    ///   - script: what becomes of a message to a topic or queue.
    ///   - lacking: what the broker is to seem not to be capable of.
    ///   - prefetch: how much consumers get at a time, whatever they ask for.
    ///   - thread: what it says of the thread that serves it.
    init(
        _ base: MemoryConnection,
        lacking: Capabilities = [],
        prefetch: Int? = nil,
        thread: (any TaskExecutor)? = nil,
        script: @escaping @Sendable (Message, String) -> Answer = { _, _ in .passOn }
    ) {
        self.base = base
        self.script = script
        self.prefetch = prefetch
        taskExecutor = thread
        capabilities = base.capabilities.subtracting(lacking)
    }

    nonisolated var runtime: ConnectionRuntime { base.runtime }

    nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try await beginPublishing(message, to: topic, options: options).wait()
    }

    nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        options: PublishOptions
    ) async throws -> Confirmation {
        try await begin(message, topic.text) { try await self.base.publish(message, to: topic, options: options) }
    }

    nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try await beginSending(message, to: queue, options: options).wait()
    }

    nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Confirmation {
        try await begin(message, queue.text) { try await self.base.send(message, to: queue, options: options) }
    }

    private nonisolated func begin(
        _ message: Message,
        _ name: String,
        _ pass: () async throws -> Void
    ) async throws -> Confirmation {
        switch script(message, name) {
        case .passOn:
            try await pass()
            return .confirmed
        case .fail(let error):
            throw error
        case .confirm(let promise):
            try await pass()
            return Confirmation { try await promise.value() }
        }
    }

    func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try await base.subscribe(to: pattern, options: options)
    }

    func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        var options = options
        if let prefetch { options.prefetch = prefetch }
        return try await base.consume(from: queue, options: options)
    }

    func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        try await base.openReplyAddress(receive)
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try await base.reply(message, to: address)
    }

    func close() async { await base.close() }
}
