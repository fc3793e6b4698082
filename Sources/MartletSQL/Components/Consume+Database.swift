public import Martlet

extension Consume {
    /// Handles the values of a queue, each with a session of a database that is lent to the handler; see
    /// `init(from:options:codec:onHandlerError:handler:)`.
    ///
    /// - Parameters:
    ///   - queue: which queue.
    ///   - database: where the session comes from; a delivery for which there is none is treated as one whose handler throws.
    ///   - options: how the queue is consumed.
    ///   - codec: what all values are read with; `nil`: as the connection reads their content type.
    ///   - onHandlerError: how a delivery is settled whose handler throws.
    ///   - handler: is called for each value.
    public init<Value>(
        from queue: Queue<Value>,
        in database: any Database,
        options: ConsumeOptions = ConsumeOptions(),
        codec: (any Codec)? = nil,
        onHandlerError: DeliveryErrorPolicy = .requeue(),
        handler: @escaping @Sendable (Received<Value>, any SQLSession) async throws -> Void
    ) {
        self.init(
            from: queue,
            options: options,
            codec: codec,
            onHandlerError: onHandlerError,
            handler: database.lending(handler)
        )
    }

    /// Handles messages as they are, each with a session of a database.
    public init(
        from queue: QueueName,
        in database: any Database,
        options: ConsumeOptions = ConsumeOptions(),
        onHandlerError: DeliveryErrorPolicy = .requeue(),
        handler: @escaping @Sendable (Delivery, any SQLSession) async throws -> Void
    ) {
        self.init(from: queue, options: options, onHandlerError: onHandlerError, handler: database.lending(handler))
    }
}
