import ServiceLifecycle

/// A component that handles the messages of a queue, one after the other.
///
/// A delivery is acknowledged when its handler has returned. When the handler throws, the error is counted and logged
/// as by ``Subscribe``, and the delivery goes back into the queue: five deliveries of a message by default, then it is
/// a dead letter. A handler may settle its delivery itself. When the node stops, the delivery in hand is handled;
/// those that had been fetched ahead go back to the queue, for others. So does one whose handler the stop breaks off, a
/// `CancellationError`: that is no error, whatever the policy. To handle several at once, declare several.
public struct Consume: Component {
    /// `Consume` and the queue's name.
    public let name: String
    /// The queue, and the type of its values.
    public let contract: ComponentContract?
    private let queue: QueueName
    private let options: ConsumeOptions
    private let onHandlerError: DeliveryErrorPolicy
    private let read: @Sendable (NodeContext) async throws -> Void

    /// Handles the values of a queue. Messages that are no such value are made dead letters, and counted.
    ///
    /// - Parameters:
    ///   - queue: which queue.
    ///   - options: how it is consumed.
    ///   - codec: what all values are read with, whatever content type they have; `nil`: as the connection reads that type.
    ///   - onHandlerError: how a delivery is settled whose handler throws.
    ///   - handler: is called for each value.
    public init<Value>(
        from queue: Queue<Value>,
        options: ConsumeOptions = ConsumeOptions(),
        codec: (any Codec)? = nil,
        onHandlerError: DeliveryErrorPolicy = .requeue(),
        handler: @escaping @Sendable (Received<Value>) async throws -> Void
    ) {
        name = "Consume \(queue.name)"
        contract = ComponentContract(kind: "Consume", name: queue.name.text, types: [Value.self])
        self.queue = queue.name
        self.options = options
        self.onHandlerError = onHandlerError
        read = { context in
            let values = try await context.connection.consume(from: queue, options: options, codec: codec)
            context.ready()
            try await withGracefulShutdownHandler {
                for try await value in values {
                    if Task.isShuttingDownGracefully { break }
                    try await context.handle(value.delivery, policy: onHandlerError) { try await handler(value) }
                }
            } onGracefulShutdown: {
                values.finish()
            }
        }
    }

    /// Handles messages as they are.
    public init(
        from queue: QueueName,
        options: ConsumeOptions = ConsumeOptions(),
        onHandlerError: DeliveryErrorPolicy = .requeue(),
        handler: @escaping @Sendable (Delivery) async throws -> Void
    ) {
        name = "Consume \(queue)"
        contract = ComponentContract(kind: "Consume", name: queue.text)
        self.queue = queue
        self.options = options
        self.onHandlerError = onHandlerError
        read = { context in
            let deliveries = try await context.connection.consume(from: queue, options: options)
            context.ready()
            try await withGracefulShutdownHandler {
                for try await delivery in deliveries {
                    if Task.isShuttingDownGracefully { break }
                    try await context.handle(delivery, policy: onHandlerError) { try await handler(delivery) }
                }
            } onGracefulShutdown: {
                deliveries.finish()
            }
        }
    }

    /// It can be found once it consumes.
    public var reportsReadiness: Bool { true }

    /// Checks the queue's name and the options.
    public func validate() throws {
        try queue.validate()
        try options.validate()
        try onHandlerError.validate()
    }

    /// Handles messages until the node stops.
    public func run(in context: NodeContext) async throws {
        try await read(context)
    }
}

extension NodeContext {
    /// Runs a handler for one delivery and settles it. Where that fails the handler has settled it, or the link over
    /// which it came has been lost and the broker delivers it again.
    fileprivate func handle(
        _ delivery: Delivery,
        policy: DeliveryErrorPolicy,
        _ handler: () async throws -> Void
    ) async throws {
        do {
            try await inTurn(handler)
            try? delivery.ack()
        } catch {
            // Unsettled, it goes back by itself.
            try Task.checkCancellation()
            // Broken off by shutdown, it is for the next one.
            if error is CancellationError, Task.isShuttingDownGracefully {
                try? delivery.nack(requeue: true)
                return
            }
            switch policy {
            case .requeue(let deliveries):
                try? delivery.nack(requeue: delivery.redeliveries + 1 < deliveries)
            case .reject:
                try? delivery.nack(requeue: false)
            case .fail:
                try? delivery.nack(requeue: true)
                throw error
            }
            countHandlerError(error)
        }
    }
}

/// How a delivery from a queue is settled whose handler throws.
public enum DeliveryErrorPolicy: Sendable, Hashable {
    /// It goes back into the queue, until it has been delivered so many times in all; then it becomes a dead letter.
    case requeue(deliveries: Int = 5)
    /// It becomes a dead letter at once.
    case reject
    /// It goes back into the queue and the component fails, so that its ``FailurePolicy`` decides.
    case fail

    func validate() throws {
        guard case .requeue(let deliveries) = self, deliveries < 1 else { return }
        throw MessagingError(
            .invalidArgument,
            "a consumer requeues up to \(deliveries) deliveries of a message; it must be at least 1"
        )
    }
}
