public import Martlet

extension Respond {
    /// Answers each call with what the handler returns, which is lent a session of a database; see
    /// `init(to:options:handler:)`.
    ///
    /// - Parameters:
    ///   - rpc: the procedure.
    ///   - database: where the session comes from. That there is none reaches the caller.
    ///   - options: how many requests are worked on at a time. More than the database has sessions wait for one.
    ///   - handler: answers one request.
    public init<Request, Response>(
        to rpc: RPC<Request, Response>,
        in database: any Database,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Request, any SQLSession) async throws -> Response
    ) {
        self.init(to: rpc, options: options, handler: database.lending(handler))
    }

    /// Answers each call with the stream of what the handler writes, which is lent a session of a database.
    public init<Request, Element>(
        to rpc: StreamingRPC<Request, Element>,
        in database: any Database,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Request, ResponseWriter<Element>, any SQLSession) async throws -> Void
    ) {
        self.init(to: rpc, options: options, handler: database.lending(handler))
    }

    /// Answers each message with a message, with a session of a database.
    public init(
        to name: QueueName,
        in database: any Database,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Message, any SQLSession) async throws -> Message
    ) {
        self.init(to: name, options: options, handler: database.lending(handler))
    }
}
