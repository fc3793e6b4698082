public import Martlet
import ServiceLifecycle

/// A component that serves methods to callers of other libraries, by way of exchanges and queues.
///
/// ```swift
/// ServeMethods(of: "server", on: connection, style: .farine) {
///     Method("add") { (pair: Pair) in pair.a + pair.b }
/// }
/// ```
///
/// A request is acknowledged when its reply is with the broker: if the program dies meanwhile another one serves it again. One
/// that can't be read, or is for a method that there is not, is answered with that error. When the node stops, the requests in
/// hand are served; those that had been fetched ahead go back to their queues.
///
/// When a queue is deleted, or the broker takes back a request that is in hand for longer than it allows, that queue is declared,
/// bound and consumed again once the requests in hand have been served. What the broker has taken back comes again.
public struct ServeMethods: Component {
    /// `ServeMethods` and the service's name.
    public let name: String
    private let service: String
    private let connection: AMQPConnection
    private let style: MethodStyle
    private let concurrency: Int
    private let methods: [ServedMethod]

    /// Methods of a service.
    ///
    /// - Parameters:
    ///   - service: what callers know it by.
    ///   - connection: where requests come from.
    ///   - style: how callers speak.
    ///   - concurrency: how many requests of a queue are served at a time, 1 to 65,535: a queue is that of a method with
    ///     ``MethodStyle/farine``, and that of the service with ``MethodStyle/nameko``.
    ///   - methods: the methods.
    public init(
        of service: String,
        on connection: AMQPConnection,
        style: MethodStyle,
        concurrency: Int = 1,
        @MethodBuilder methods: () -> [ServedMethod]
    ) {
        name = "ServeMethods \(service)"
        self.service = service
        self.connection = connection
        self.style = style
        self.concurrency = concurrency
        self.methods = methods()
    }

    /// Others find it once it consumes.
    public var reportsReadiness: Bool { true }

    /// Checks that each method has a name of its own, and that the style can carry it.
    public func validate() throws {
        func wrong(_ text: String) -> MessagingError { MessagingError(.invalidArgument, "\(name): \(text)") }
        guard (1...65_535).contains(concurrency) else {
            throw wrong("concurrency is \(concurrency); it is from 1 to 65535")
        }
        guard !methods.isEmpty else { throw wrong("there is no method") }
        var names: Set<ByteKey> = []
        for method in methods {
            guard names.insert(ByteKey(method.name)).inserted else {
                throw wrong("\(quoted(method.name)) is there twice")
            }
            if method.isStream, !style.hasStreams {
                throw wrong("\(quoted(method.name)) answers with a stream, which callers of this style do not know")
            }
        }
    }

    /// Serves until the node stops.
    public func run(in context: NodeContext) async throws {
        let exchange = style.exchange(of: service)
        var queues: [(queue: BoundQueue, reading: BoundQueue.Reading, method: String?)] = []
        for intake in style.intakes(methods.map(\.name), of: service) {
            let queue = BoundQueue(
                exchange: exchange,
                queue: intake.queue,
                binding: intake.binding,
                prefetch: concurrency,
                connection: connection
            )
            queues.append((queue, try await queue.open(), intake.method))
        }
        context.ready()
        let replies = ExchangeChannel(exchange, on: connection)
        try await withThrowingDiscardingTaskGroup { group in
            for (queue, reading, method) in queues {
                group.addTask {
                    try await queue.read(reading, context) { try await serve($0, method, replies, context) }
                }
            }
        }
        await replies.close()
    }

    /// The broker hands out no more at a time than may be served at a time.
    private func serve(
        _ consumer: AMQPConsumer,
        _ method: String?,
        _ replies: ExchangeChannel,
        _ context: NodeContext
    ) async throws {
        let end: MessagingError? = try await withThrowingDiscardingTaskGroup { group in
            do {
                for try await delivery in consumer {
                    if Task.isShuttingDownGracefully { break }
                    group.addTask {
                        let name = method ?? style.method(ofKey: delivery.routingKey, service: service)
                        try await serve(delivery, name, replies, context)
                    }
                }
                return nil
            } catch let error as MessagingError {
                // Requests in hand are served all the same.
                return error
            }
        }
        if let end { throw end }
    }

    private func serve(
        _ delivery: AMQPDelivery,
        _ name: String,
        _ replies: ExchangeChannel,
        _ context: NodeContext
    ) async throws {
        let properties = delivery.message.properties
        let reply: ServedMethod.Reply = { body in
            guard let address = properties.replyTo, !address.isEmpty else { return }
            let message = AMQPMessage(
                body.bytes,
                properties: .json(correlationID: properties.correlationID)
            )
            try await replies.publish(message, routingKey: address)
        }
        do {
            let arguments = try MethodArguments(request: delivery.message.body)
            guard let method = methods.first(where: { $0.name.hasSameBytes(as: name) }) else {
                throw MessagingError(.noResponder, name)
            }
            try await context.inTurn {
                try await method.run(arguments) { value in
                    for body in style.replies(value: value, isOnly: !method.isStream) { try await reply(body) }
                }
            }
            if method.isStream { for body in style.replyAtEnd { try await reply(body) } }
        } catch {
            // Unsettled, it goes back by itself.
            try Task.checkCancellation()
            context.countHandlerError(error)
            try? await reply(style.reply(failure: error))
        }
        try? delivery.ack()
    }
}

extension AMQPProperties {
    /// What travels beside a body of JSON, as kombu writes and reads it.
    static func json(correlationID: String? = nil, replyTo: String? = nil) -> AMQPProperties {
        var properties = AMQPProperties()
        properties.contentType = "application/json"
        properties.contentEncoding = "utf-8"
        properties.deliveryMode = 2
        properties.priority = 0
        properties.correlationID = correlationID
        properties.replyTo = replyTo
        return properties
    }
}
