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
/// stops, the message in hand is handled; those that had been fetched ahead go back, and so does one whose handler the stop breaks
/// off, a `CancellationError`, which is no error then.
///
/// When the queue is deleted, or the broker takes back a message that is in hand for longer than it allows, the queue is
/// declared, bound and consumed again once that message has been handled.
public struct ConsumeExchange: Component {
    /// `ConsumeExchange` and the queue's name.
    public let name: String
    private let queue: BoundQueue
    private let handle: @Sendable (AMQPDelivery) async throws -> Void

    /// Handles values together with the delivery that each came by: it tells the properties, the routing key and whether it may
    /// have come before, and can be settled, once.
    ///
    /// - Parameters:
    ///   - exchange: its name. It is declared, durable.
    ///   - key: what the queue is bound by.
    ///   - queue: the queue's name; `nil`: as the key. It is declared, durable.
    ///   - kind: by what rule the exchange picks queues.
    ///   - prefetch: how many messages may be fetched ahead, 1 to 65,535. More than one save time where handlers are quick.
    ///     Those that wait count as in hand, for which the broker has a limit.
    ///   - connection: where they come from.
    ///   - handler: is called for each value, one after the other. It need not settle the delivery.
    public init<Value: Decodable & Sendable>(
        _ exchange: String,
        key: String,
        queue: String? = nil,
        kind: AMQPExchange.Kind = .direct,
        prefetch: Int = 1,
        on connection: AMQPConnection,
        handler: @escaping @Sendable (Value, AMQPDelivery) async throws -> Void
    ) {
        let queue = queue ?? key
        name = "ConsumeExchange \(queue)"
        self.queue = BoundQueue(
            exchange: AMQPExchange(exchange, kind: kind),
            queue: AMQPQueue(queue),
            binding: AMQPBinding(from: exchange, to: queue, routingKey: key),
            prefetch: prefetch,
            connection: connection
        )
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
    ///   - prefetch: how many messages may be fetched ahead, 1 to 65,535. More than one save time where handlers are quick.
    ///     Those that wait count as in hand, for which the broker has a limit.
    ///   - connection: where they come from.
    ///   - handler: is called for each value, one after the other.
    public init<Value: Decodable & Sendable>(
        _ exchange: String,
        key: String,
        queue: String? = nil,
        kind: AMQPExchange.Kind = .direct,
        prefetch: Int = 1,
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
        guard (1...65_535).contains(queue.prefetch) else {
            throw MessagingError(.invalidArgument, "\(name): prefetch is \(queue.prefetch); it is from 1 to 65535")
        }
    }

    /// Handles messages until the node stops.
    public func run(in context: NodeContext) async throws {
        let reading = try await queue.open()
        context.ready()
        try await queue.read(reading, context) { deliveries in
            for try await delivery in deliveries {
                if Task.isShuttingDownGracefully { break }
                try await handle(delivery.settledOnce(), context)
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
            // Broken off by shutdown, it is for the next one.
            if error is CancellationError, Task.isShuttingDownGracefully {
                try? delivery.nack(requeue: true)
                return
            }
            context.countHandlerError(error)
            try? delivery.nack(requeue: !delivery.isRedelivered)
        }
    }
}
