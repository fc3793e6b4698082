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
/// A template says where a message goes: `{1}` is the segment that the pattern's first `*` matched, `{2}` the second,
/// and so on, `{rest}` the segments that `#` matched, `{topic}` the whole topic, and `{origin}` the topic from which
/// the first bridge took the message.
public struct Forward: Route {
    typealias Transform =
        @Sendable (Delivery, _ source: ConnectionRuntime, _ sink: ConnectionRuntime) async throws ->
        Message?

    /// What it connects, such as `sensors.# → site.berlin.{rest}`.
    public let name: String
    private let source: ForwardSource
    private let sink: ForwardSink
    /// Whether it was told of topics and of a queue to go to.
    private let hasTwoSinks: Bool
    private let direction: RouteDirection
    private let options: RouteOptions
    private let transform: Transform?

    private init(
        _ source: ForwardSource,
        as template: String?,
        toQueue queue: QueueName?,
        _ direction: RouteDirection,
        _ options: RouteOptions,
        _ transform: Transform?
    ) {
        let usual =
            switch source {
            case .topics: ForwardSink.topics("{topic}")
            case .queue(let queue): ForwardSink.queue(queue)
            }
        sink = template.map(ForwardSink.topics) ?? queue.map(ForwardSink.queue) ?? usual
        hasTwoSinks = template != nil && queue != nil
        let arrow =
            switch direction {
            case .forth: "→"
            case .back: "←"
            case .both: "↔"
            }
        name = "\(source) \(arrow) \(sink)"
        self.source = source
        self.direction = direction
        self.options = options
        self.transform = transform
    }

    // MARK: What it passes on

    /// Passes on the messages that are published to topics.
    ///
    /// - Parameters:
    ///   - pattern: the topics on the bridge's `from:` side.
    ///   - template: the topics on the bridge's `to:` side; by default the same.
    ///   - queue: a queue on the bridge's `to:` side, instead of topics.
    ///   - direction: which way; the other way the template is read backwards. To a queue there is one way only.
    ///   - options: what is promised, held back, left out and stored; by default as ``RouteOptions`` says.
    ///   - transform: makes the message to pass on, or `nil` for one that is not. It sees the message as it came; an
    ///     error that it throws makes a dead letter. By default messages are passed on as they are.
    public init(
        _ pattern: TopicPattern,
        as template: String? = nil,
        toQueue queue: QueueName? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: (@Sendable (Delivery) async throws -> Message?)? = nil
    ) {
        self.init(.topics(pattern), as: template, toQueue: queue, direction, options, Self.plain(transform))
    }

    /// Passes on the values of a topic filter; messages that are no such value become dead letters.
    ///
    /// - Parameters:
    ///   - filter: the topics on the bridge's `from:` side, and the type of their values.
    ///   - template: the topics on the bridge's `to:` side; by default the same.
    ///   - queue: a queue on the bridge's `to:` side, instead of topics.
    ///   - direction: which way messages are passed on. Between topics and a queue there is one way only.
    ///   - options: what is promised, held back, left out and stored; by default as ``RouteOptions`` says.
    ///   - transform: makes the value to pass on, or `nil` for one that is not.
    public init<Value: Codable & Sendable, Output: Codable & Sendable>(
        _ filter: TopicFilter<Value>,
        as template: String? = nil,
        toQueue queue: QueueName? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Received<Value>) async throws -> Output?
    ) {
        self.init(.topics(filter.pattern), as: template, toQueue: queue, direction, options, Self.typed(transform))
    }

    /// Passes on the values of a topic filter as they are: each is decoded, and encoded again as the sink's connection does.
    /// Messages that are no such value become dead letters.
    ///
    /// - Parameters:
    ///   - filter: the topics on the bridge's `from:` side, and the type of their values.
    ///   - template: the topics on the bridge's `to:` side; by default the same.
    ///   - queue: a queue on the bridge's `to:` side, instead of topics.
    ///   - direction: which way messages are passed on. Between topics and a queue there is one way only.
    ///   - options: what is promised, held back, left out and stored; by default as ``RouteOptions`` says.
    public init<Value: Codable & Sendable>(
        _ filter: TopicFilter<Value>,
        as template: String? = nil,
        toQueue queue: QueueName? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions()
    ) {
        self.init(filter, as: template, toQueue: queue, direction: direction, options: options) { $0.value }
    }

    /// Passes on the messages that are sent to a queue.
    ///
    /// - Parameters:
    ///   - queue: the queue on the bridge's `from:` side.
    ///   - other: the queue on the bridge's `to:` side; by default one of the same name.
    ///   - template: topics on the bridge's `to:` side, instead of a queue.
    ///   - direction: which way. To topics there is one way only.
    ///   - options: what is promised, held back, left out and stored; by default as ``RouteOptions`` says.
    ///   - transform: as for topics.
    public init(
        queue: QueueName,
        toQueue other: QueueName? = nil,
        as template: String? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: (@Sendable (Delivery) async throws -> Message?)? = nil
    ) {
        self.init(.queue(queue), as: template, toQueue: other, direction, options, Self.plain(transform))
    }

    /// Passes on the values of a queue; messages that are no such value become dead letters.
    ///
    /// - Parameters:
    ///   - queue: the queue on the bridge's `from:` side.
    ///   - other: the queue on the bridge's `to:` side; by default one of the same name.
    ///   - template: the topics on the bridge's `to:` side; by default the same.
    ///   - direction: which way messages are passed on. Between topics and a queue there is one way only.
    ///   - options: what is promised, held back, left out and stored; by default as ``RouteOptions`` says.
    ///   - transform: makes the value to pass on, or `nil` for one that is not.
    public init<Value: Codable & Sendable, Output: Codable & Sendable>(
        queue: Queue<Value>,
        toQueue other: QueueName? = nil,
        as template: String? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions(),
        transform: @escaping @Sendable (Received<Value>) async throws -> Output?
    ) {
        self.init(.queue(queue.name), as: template, toQueue: other, direction, options, Self.typed(transform))
    }

    /// Passes on the values of a queue as they are: each is decoded, and encoded again as the sink's connection does. Messages
    /// that are no such value become dead letters.
    ///
    /// - Parameters:
    ///   - queue: the queue on the bridge's `from:` side.
    ///   - other: the queue on the bridge's `to:` side; by default one of the same name.
    ///   - template: topics on the bridge's `to:` side, instead of a queue.
    ///   - direction: which way messages are passed on. Between topics and a queue there is one way only.
    ///   - options: what is promised, held back, left out and stored; by default as ``RouteOptions`` says.
    public init<Value: Codable & Sendable>(
        queue: Queue<Value>,
        toQueue other: QueueName? = nil,
        as template: String? = nil,
        direction: RouteDirection = .forth,
        options: RouteOptions = RouteOptions()
    ) {
        self.init(queue: queue, toQueue: other, as: template, direction: direction, options: options) { $0.value }
    }

    private static func plain(_ transform: (@Sendable (Delivery) async throws -> Message?)?) -> Transform? {
        guard let transform else { return nil }
        return { delivery, _, _ in try await transform(delivery) }
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

    private func directions() throws -> [ForwardDirection] {
        guard !hasTwoSinks else {
            throw MessagingError(
                .invalidArgument,
                "route \(name) goes to topics and to a queue: make a second route of it"
            )
        }
        let forth = ForwardDirection(
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

    /// What it will do, in each direction.
    public func plans(between ends: BridgeEnds, options: BridgeOptions) throws -> [RoutePlan] {
        try directions().map { try $0.plan(between: ends, options) }
    }

    /// Passes messages on, in one direction.
    public func run(_ direction: Int, in context: RouteContext) async throws {
        try await ForwardPipeline(directions()[direction], context).run()
    }
}

/// Where a route takes messages from.
enum ForwardSource: Sendable, CustomStringConvertible {
    case topics(TopicPattern)
    case queue(QueueName)

    var description: String {
        switch self {
        case .topics(let pattern): pattern.text
        case .queue(let queue): "queue \(queue)"
        }
    }

    var kind: RouteGuarantee.Kind {
        if case .queue = self { .queue } else { .topic }
    }
}

/// Where a route puts messages.
enum ForwardSink: Sendable, CustomStringConvertible {
    /// By a template's text.
    case topics(String)
    case queue(QueueName)

    var description: String {
        switch self {
        case .topics(let template): template
        case .queue(let queue): "queue \(queue)"
        }
    }

    var kind: RouteGuarantee.Kind {
        if case .queue = self { .queue } else { .topic }
    }
}
