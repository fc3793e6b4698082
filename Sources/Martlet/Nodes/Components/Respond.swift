/// A component that answers calls of a remote procedure.
///
/// What its handler throws reaches the caller and is no failure of the component. When the node stops, requests in
/// hand are answered and no more are taken.
public struct Respond: Component {
    /// `Respond` and the procedure's name.
    public let name: String
    /// The procedure, what it takes and what it answers.
    public let contract: ComponentContract?
    private let queue: QueueName
    private let options: RespondOptions
    private let serve: @Sendable (NodeContext) async throws -> Void

    private init(
        _ queue: QueueName,
        _ options: RespondOptions,
        _ types: [Any.Type] = [],
        _ serve: @escaping @Sendable (NodeContext) async throws -> Void
    ) {
        name = "Respond \(queue)"
        contract = ComponentContract(kind: "Respond", name: queue.text, types: types)
        self.queue = queue
        self.options = options
        self.serve = serve
    }

    /// Answers each call with what the handler returns.
    public init<Request, Response>(
        to rpc: RPC<Request, Response>,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Request) async throws -> Response
    ) {
        self.init(rpc.name, options, [Request.self, Response.self]) { context in
            try await context.connection
                .respond(to: rpc, options: options, onReady: { context.ready() }) { request in
                    try await context.inTurn { try await handler(request) }
                }
        }
    }

    /// Answers each call with the stream of what the handler writes.
    public init<Request, Element>(
        to rpc: StreamingRPC<Request, Element>,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Request, ResponseWriter<Element>) async throws -> Void
    ) {
        self.init(rpc.name, options, [Request.self, Element.self]) { context in
            try await context.connection
                .respond(to: rpc, options: options, onReady: { context.ready() }) { request, writer in
                    try await context.inTurn { try await handler(request, writer) }
                }
        }
    }

    /// Answers each message with a message.
    public init(
        to name: QueueName,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Message) async throws -> Message
    ) {
        self.init(name, options) { context in
            try await context.connection
                .respond(to: name, options: options, onReady: { context.ready() }) { request in
                    try await context.inTurn { try await handler(request) }
                }
        }
    }

    /// It can be found once it takes requests.
    public var reportsReadiness: Bool { true }

    /// Checks the name and the options.
    public func validate() throws {
        try queue.validate()
        try options.validate(for: queue)
    }

    /// Answers calls until the node stops.
    public func run(in context: NodeContext) async throws {
        try await serve(context)
    }
}
