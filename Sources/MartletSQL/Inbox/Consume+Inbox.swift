public import Martlet

extension Consume {
    /// Handles the values of a queue, each in a transaction of a database and once.
    ///
    /// The handler's effects, the messages that it sends by ``SQLTransaction/send(_:to:headers:codec:)`` and the fact that the
    /// message was handled are one transaction. The delivery is acknowledged after it was committed; one that comes again is
    /// acknowledged, and not handled. While the database is away the delivery waits, which the log and the node's health tell. If
    /// the handler loses the database time and again, which was there before, that is as if it threw.
    ///
    /// The handler may run several times before one of its transactions is committed, so it does nothing that a transaction
    /// does not undo.
    ///
    /// - Parameters:
    ///   - queue: which queue.
    ///   - database: where the transaction is made.
    ///   - deduplication: by what a message is known again.
    ///   - options: how the queue is consumed.
    ///   - codec: what all values are read with; `nil`: as the connection reads their content type.
    ///   - onHandlerError: how a delivery is settled whose handler throws. What it did is undone before.
    ///   - handler: is called for each value.
    public init<Value>(
        from queue: Queue<Value>,
        in database: any Database,
        deduplicating deduplication: Deduplication<Value>,
        options: ConsumeOptions = ConsumeOptions(),
        codec: (any Codec)? = nil,
        onHandlerError: DeliveryErrorPolicy = .requeue(),
        handler: @escaping @Sendable (Received<Value>, SQLTransaction) async throws -> Void
    ) {
        let inbox = Inbox(database, consumer: queue.name.text, keep: deduplication.keep)
        self.init(from: queue, options: options, codec: codec, onHandlerError: onHandlerError) { value in
            let id = try deduplication.id(of: value.value, value.headers, of: queue.name.text)
            try await inbox.once(id, givesBack: true) { db in
                try await handler(value, db)
                return true
            }
        }
    }
}

extension Respond {
    /// Answers each call with what the handler returns, which runs in a transaction of a database, and once.
    ///
    /// The reply is kept in that transaction: a request that is delivered again is answered by it. While the database is away the
    /// request waits, which the log and the node's health tell.
    ///
    /// - Parameters:
    ///   - rpc: the procedure.
    ///   - database: where the transaction is made.
    ///   - deduplication: by what a request is known again; ``Deduplication/messageID`` knows every call of Martlet's.
    ///   - options: how many requests are worked on at a time.
    ///   - handler: answers one request.
    public init<Request, Response>(
        to rpc: RPC<Request, Response>,
        in database: any Database,
        deduplicating deduplication: Deduplication<Request>,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Request, SQLTransaction) async throws -> Response
    ) {
        let inbox = Inbox(database, consumer: rpc.name.text, keep: deduplication.keep)
        self.init(to: rpc, options: options) { request in
            let headers = RequestContext.current?.headers ?? Headers()
            let id = try deduplication.id(of: request, headers, of: rpc.name.text)
            let response = try await inbox.once(id, keepsResult: true) { db in try await handler(request, db) }
            guard let response else {
                throw SQLError(.failed, "a request was handled before, and its reply was not kept")
            }
            return response
        }
    }
}
