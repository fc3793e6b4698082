public import Martlet
import ServiceLifecycle

/// A component that handles JSON that is published to an exchange, by a queue that is bound to it.
///
/// ```swift
/// ConsumeExchange("publish", key: "routing_key", on: connection) { (body: Result) in print(body.result) }
/// ConsumeExchange("publish", key: "all", on: connection) { (body: Result, delivery) in
///     try delivery.ack()
///     print(body.result, delivery.routingKey, delivery.message.properties.headers ?? [:])
/// }
/// ```
///
/// A message is acknowledged when its handler has returned, unless the handler has settled its delivery itself. When the handler
/// throws, the error is counted and logged, and the message goes back into the queue once; the second time it is rejected, which
/// makes a dead letter where the queue has a place for those. A message that is no such value is rejected at once. When the node
/// stops, the message in hand is handled; those that had been fetched ahead go back.
public struct ConsumeExchange: Component {
    /// `ConsumeExchange` and the queue's name.
    public let name: String
    private let exchange: AMQPExchange
    private let queue: AMQPQueue
    private let key: String
    private let prefetch: Int
    private let connection: AMQPConnection
    private let handle: @Sendable (AMQPDelivery) async throws -> Void

    /// Handles values together with the delivery that each came by: it tells the properties, the routing key and whether it may
    /// have come before, and can be settled, once.
    ///
    /// - Parameters:
    ///   - exchange: its name. It is declared, durable.
    ///   - key: what the queue is bound by.
    ///   - queue: the queue's name; `nil`: as the key. It is declared, durable.
    ///   - kind: by what rule the exchange picks queues.
    ///   - prefetch: how many messages may be fetched ahead, 1 to 65,535.
    ///   - connection: where they come from.
    ///   - handler: is called for each value, one after the other. It need not settle the delivery.
    public init<Value: Decodable & Sendable>(
        _ exchange: String,
        key: String,
        queue: String? = nil,
        kind: AMQPExchange.Kind = .direct,
        prefetch: Int = 10,
        on connection: AMQPConnection,
        handler: @escaping @Sendable (Value, AMQPDelivery) async throws -> Void
    ) {
        name = "ConsumeExchange \(queue ?? key)"
        self.exchange = AMQPExchange(exchange, kind: kind)
        self.queue = AMQPQueue(queue ?? key)
        self.key = key
        self.prefetch = prefetch
        self.connection = connection
        handle = { delivery in
            let value: Value
            do {
                value = try JSON(parsing: delivery.message.body).value()
            } catch {
                throw Unreadable(error: error)
            }
            try await handler(value, delivery)
        }
    }

    /// Handles values.
    ///
    /// - Parameters:
    ///   - exchange: its name. It is declared, durable.
    ///   - key: what the queue is bound by.
    ///   - queue: the queue's name; `nil`: as the key. It is declared, durable.
    ///   - kind: by what rule the exchange picks queues.
    ///   - prefetch: how many messages may be fetched ahead, 1 to 65,535.
    ///   - connection: where they come from.
    ///   - handler: is called for each value, one after the other.
    public init<Value: Decodable & Sendable>(
        _ exchange: String,
        key: String,
        queue: String? = nil,
        kind: AMQPExchange.Kind = .direct,
        prefetch: Int = 10,
        on connection: AMQPConnection,
        handler: @escaping @Sendable (Value) async throws -> Void
    ) {
        self.init(exchange, key: key, queue: queue, kind: kind, prefetch: prefetch, on: connection) { value, _ in
            try await handler(value)
        }
    }

    private struct Unreadable: Error {
        let error: any Error
    }

    /// Others find it once it consumes.
    public var reportsReadiness: Bool { true }

    /// Checks the prefetch.
    public func validate() throws {
        guard (1...65_535).contains(prefetch) else {
            throw MessagingError(.invalidArgument, "\(name): prefetch is \(prefetch); it is from 1 to 65535")
        }
    }

    /// Handles messages until the node stops.
    public func run(in context: NodeContext) async throws {
        try await connection.declare(exchange)
        try await connection.declare(queue)
        try await connection.bindQueue(AMQPBinding(from: exchange.name, to: queue.name, routingKey: key))
        try await connection.withChannel(confirms: false) { channel in
            let options = AMQPConsumeOptions(prefetch: prefetch)
            let deliveries = try await channel.consume(from: queue.name, options: options)
            context.ready()
            try await withGracefulShutdownHandler {
                for try await delivery in deliveries {
                    if Task.isShuttingDownGracefully { break }
                    try await handle(delivery.settledOnce(), context)
                }
            } onGracefulShutdown: {
                deliveries.cancel()
            }
        }
    }

    /// Where settling fails the handler has settled it, or the link is lost over which the message came: it comes again.
    private func handle(_ delivery: AMQPDelivery, _ context: NodeContext) async throws {
        do {
            try await context.inTurn { try await handle(delivery) }
            try? delivery.ack()
        } catch let error as Unreadable {
            context.countHandlerError(error.error)
            try? delivery.nack(requeue: false)
        } catch {
            // Unsettled, it goes back by itself.
            try Task.checkCancellation()
            context.countHandlerError(error)
            try? delivery.nack(requeue: !delivery.isRedelivered)
        }
    }
}
