import ServiceLifecycle

/// A component that handles the messages of some topics, one after the other.
///
/// By default an error that the handler throws is counted in ``ComponentHealth/handlerErrors`` and logged, and the next
/// message is handled. When the node stops, messages that have arrived are handled and no more are taken. While the
/// handler works, messages wait as ``SubscribeOptions/overflow`` says; to handle several at once, declare several.
public struct Subscribe: Component {
    /// `Subscribe` and the pattern.
    public let name: String
    /// The topics, and the type of their values.
    public let contract: ComponentContract?
    private let pattern: TopicPattern
    private let options: SubscribeOptions
    private let read: @Sendable (NodeContext) async throws -> Void

    /// Handles the values of many topics.
    ///
    /// - Parameters:
    ///   - filter: which topics.
    ///   - options: how they are subscribed to.
    ///   - codec: what all values are read with, whatever content type they have; `nil`: as the connection reads that type.
    ///   - onHandlerError: how it goes on when the handler throws.
    ///   - handler: is called for each value.
    public init<Value>(
        to filter: TopicFilter<Value>,
        options: SubscribeOptions = SubscribeOptions(),
        codec: (any Codec)? = nil,
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Received<Value>) async throws -> Void
    ) {
        name = "Subscribe \(filter.pattern)"
        contract = ComponentContract(kind: "Subscribe", name: filter.pattern.text, types: [Value.self])
        pattern = filter.pattern
        self.options = options
        read = { context in
            let values = try await context.connection.subscribe(to: filter, options: options, codec: codec)
            context.ready()
            try await withGracefulShutdownHandler {
                for try await value in values {
                    try await context.handle(policy: onHandlerError) { try await handler(value) }
                }
            } onGracefulShutdown: {
                values.finish()
            }
        }
    }

    /// Handles the values of one topic.
    ///
    /// - Parameters:
    ///   - topic: which topic.
    ///   - options: how it is subscribed to.
    ///   - codec: what all values are read with, whatever content type they have; `nil`: as the connection reads that type.
    ///   - onHandlerError: how it goes on when the handler throws.
    ///   - handler: is called for each value.
    public init<Value>(
        to topic: Topic<Value>,
        options: SubscribeOptions = SubscribeOptions(),
        codec: (any Codec)? = nil,
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Received<Value>) async throws -> Void
    ) {
        self.init(
            to: TopicFilter(topic),
            options: options,
            codec: codec,
            onHandlerError: onHandlerError,
            handler: handler
        )
    }

    /// Handles messages as they are.
    public init(
        to pattern: TopicPattern,
        options: SubscribeOptions = SubscribeOptions(),
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Delivery) async throws -> Void
    ) {
        name = "Subscribe \(pattern)"
        contract = ComponentContract(kind: "Subscribe", name: pattern.text)
        self.pattern = pattern
        self.options = options
        read = { context in
            let deliveries = try await context.connection.subscribe(to: pattern, options: options)
            context.ready()
            try await withGracefulShutdownHandler {
                for try await delivery in deliveries {
                    try await context.handle(policy: onHandlerError) { try await handler(delivery) }
                }
            } onGracefulShutdown: {
                deliveries.finish()
            }
        }
    }

    /// It can be found once it subscribes.
    public var reportsReadiness: Bool { true }

    /// Checks the pattern and the options.
    public func validate() throws {
        try pattern.validate()
        try options.validate()
    }

    /// Handles messages until the node stops.
    public func run(in context: NodeContext) async throws {
        try await read(context)
    }
}

extension NodeContext {
    /// Runs a handler for one message, and treats its error as the policy says.
    fileprivate func handle(policy: HandlerErrorPolicy, _ handler: () async throws -> Void) async throws {
        do {
            try await inTurn(handler)
        } catch {
            try Task.checkCancellation()
            if policy == .fail { throw error }
            countHandlerError(error)
        }
    }
}

/// How a subscriber goes on whose handler throws.
public enum HandlerErrorPolicy: Sendable, Hashable {
    /// The error is counted and logged (once a minute at most), and the next message is handled.
    case skip
    /// The component fails, and its ``FailurePolicy`` decides.
    case fail
}
