/// A route that passes messages on: from topics or a queue, to topics or a queue.
///
/// ```swift
/// Forward("sensors.#", as: "site.berlin.{rest}")              // topics to topics
/// Forward("sensors.#", toQueue: "ingest")                     // topics to a queue
/// Forward(queue: "jobs", toQueue: "cloud.jobs")               // a queue to a queue
/// Forward(queue: "ingest", as: "archive.{origin}")            // a queue to topics
/// ```
///
/// The messages of one topic stay in order, but for those that are tried again. A message is acknowledged at its source
/// after the sink has confirmed it, where the source can wait for that; see ``RouteGuarantee``.
///
/// A template says where a message goes: `{1}` is what the pattern's first `*` matched, `{2}` the second, and so on,
/// `{rest}` what `#` matched, `{topic}` the whole topic, and `{origin}` the topic from which the first bridge took the
/// message.
public struct Forward: Route {
    typealias Transform =
        @Sendable (Delivery, _ source: ConnectionRuntime, _ sink: ConnectionRuntime) async throws ->
        Message?

    /// What it connects, such as `sensors.# → site.berlin.{rest}`.
    public let name: String
    private let source: ForwardSource
    private let sink: ForwardSink
    private let direction: RouteDirection
    private let options: RouteOptions
    private let transform: Transform?

    private init(
        _ source: ForwardSource,
        _ sink: ForwardSink,
        _ direction: RouteDirection,
        _ options: RouteOptions,
        _ transform: Transform?
    ) {
        let arrow =
            switch direction {
            case .forth: "→"
            case .back: "←"
            case .both: "↔"
            }
        name = "\(source) \(arrow) \(sink)"
        self.source = source
        self.sink = sink
        self.direction = direction
        self.options = options
        self.transform = transform
    }

    // MARK: Topics to topics

    /// Passes on what is published.
    ///
    /// - Parameters:
    ///   - template: the topics on the bridge's `to:` side; by default the same.
    ///   - direction: which way; the other way the template is read backwards.
    ///   - transform: makes the message to pass on, or `nil` for one that is not. It sees the message as it came; what it
    ///     throws makes a dead letter.
    public init(
        _ pattern: TopicPattern,
        as template: String = "{topic}",
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Delivery) async throws -> Message?
    ) {
        self.init(.topics(pattern), .topics(template), direction, options) { delivery, _, _ in
            try await transform(delivery)
        }
    }

    /// Passes on what is published, as it is.
    ///
    /// - Parameters:
    ///   - template: the topics on the bridge's `to:` side; by default the same.
    ///   - direction: which way; the other way the template is read backwards.
    public init(
        _ pattern: TopicPattern,
        as template: String = "{topic}",
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions()
    ) {
        self.init(.topics(pattern), .topics(template), direction, options, nil)
    }

    /// Passes on the values of a topic filter; messages that are no such value become dead letters.
    ///
    /// - Parameter transform: makes the value to pass on, or `nil` for one that is not.
    public init<Value: Codable & Sendable, Output: Codable & Sendable>(
        _ filter: TopicFilter<Value>,
        as template: String = "{topic}",
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Received<Value>) async throws -> Output?
    ) {
        self.init(.topics(filter.pattern), .topics(template), direction, options, Self.typed(transform))
    }

    // MARK: With queues

    /// Passes on what is published to a queue.
    public init(_ pattern: TopicPattern, toQueue queue: QueueName, options: RouteOptions = RouteOptions()) {
        self.init(.topics(pattern), .queue(queue), .forth, options, nil)
    }

    /// Passes on what is published to a queue, as a function makes it; otherwise as for topics.
    public init(
        _ pattern: TopicPattern,
        toQueue queue: QueueName,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Delivery) async throws -> Message?
    ) {
        self.init(.topics(pattern), .queue(queue), .forth, options) { delivery, _, _ in try await transform(delivery) }
    }

    /// Passes on what is sent to a queue, to another one.
    ///
    /// - Parameter other: by default a queue of the same name.
    public init(
        queue: QueueName,
        toQueue other: QueueName? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions()
    ) {
        self.init(.queue(queue), .queue(other ?? queue), direction, options, nil)
    }

    /// Passes on what is sent to a queue, to another one, as a function makes it; otherwise as for topics.
    public init(
        queue: QueueName,
        toQueue other: QueueName? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Delivery) async throws -> Message?
    ) {
        self.init(.queue(queue), .queue(other ?? queue), direction, options) { delivery, _, _ in
            try await transform(delivery)
        }
    }

    /// Passes on the values of a queue, to another one; messages that are no such value become dead letters.
    public init<Value: Codable & Sendable, Output: Codable & Sendable>(
        queue: Queue<Value>,
        toQueue other: QueueName? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Received<Value>) async throws -> Output?
    ) {
        self.init(.queue(queue.name), .queue(other ?? queue.name), direction, options, Self.typed(transform))
    }

    /// Publishes what is sent to a queue.
    public init(queue: QueueName, as template: String, options: RouteOptions = RouteOptions()) {
        self.init(.queue(queue), .topics(template), .forth, options, nil)
    }

    /// Publishes what is sent to a queue, as a function makes it; otherwise as for topics.
    public init(
        queue: QueueName,
        as template: String,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Delivery) async throws -> Message?
    ) {
        self.init(.queue(queue), .topics(template), .forth, options) { delivery, _, _ in try await transform(delivery) }
    }

    private static func typed<Value: Codable & Sendable, Output: Codable & Sendable>(
        _ transform: @escaping @Sendable (Received<Value>) async throws -> Output?
    ) -> Transform {
        { delivery, source, sink in
            let value: Value = try source.decode(delivery.message, from: delivery.topic.text)
            guard let output = try await transform(Received(value: value, delivery: delivery)) else { return nil }
            let made = try sink.codecs.message(output)
            var message = delivery.message
            message.body = made.body
            message.headers.contentType = made.headers.contentType
            return message
        }
    }

    // MARK: The route

    private func legs() throws -> [ForwardLeg] {
        let forth = ForwardLeg(
            name: "\(source) → \(sink)",
            side: .from,
            source: source,
            sink: sink,
            options: options,
            transform: transform
        )
        switch direction {
        case .forth: return [try forth.checked()]
        case .back: return [try forth.reversed().checked()]
        case .both: return [try forth.checked(), try forth.reversed().checked()]
        }
    }

    /// What it will do, each way.
    public func plans(between ends: BridgeEnds, options: BridgeOptions) throws -> [RoutePlan] {
        try legs().map { try $0.plan(between: ends, options) }
    }

    /// Passes messages on, one way.
    public func run(_ leg: Int, in context: RouteContext) async throws {
        try await ForwardPipeline(legs()[leg], context).run()
    }
}
