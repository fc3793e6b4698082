public import Martlet

extension Consume {
    /// Handles the values of a queue, each with a session of a database that is lent to the handler; see
    /// `init(from:options:codec:onHandlerError:handler:)`.
    ///
    /// - Parameters:
    ///   - queue: which queue.
    ///   - database: where the session comes from. While there is none, because the database is away or all of its sessions
    ///     are in use, the delivery waits, which the log and the node's health tell. A handler that loses its session is one
    ///     that throws.
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
        let patience = Patience(of: queue.name.text, undoes: false)
        self.init(from: queue, options: options, codec: codec, onHandlerError: onHandlerError) { value in
            try await patience.lend(of: database) { db in try await handler(value, db) }
        }
    }

    /// Handles messages as they are, each with a session of a database.
    public init(
        from queue: QueueName,
        in database: any Database,
        options: ConsumeOptions = ConsumeOptions(),
        onHandlerError: DeliveryErrorPolicy = .requeue(),
        handler: @escaping @Sendable (Delivery, any SQLSession) async throws -> Void
    ) {
        let patience = Patience(of: queue.text, undoes: false)
        self.init(from: queue, options: options, onHandlerError: onHandlerError) { delivery in
            try await patience.lend(of: database) { db in try await handler(delivery, db) }
        }
    }
}

extension Patience {
    /// Lends a session to the handler of a delivery, once there is one.
    fileprivate func lend(
        of database: any Database,
        _ handler: @Sendable (any SQLSession) async throws -> Void
    ) async throws {
        try await run(givesBack: true) { begin in
            try await database.withSession { db in
                begin()
                try await handler(db)
            }
        }
    }
}
