import ServiceLifecycle

extension Connection {
    /// Answers calls of a remote procedure until the task is cancelled, the connection closes, or, inside a service
    /// group, shutdown begins: then no new requests are taken, and it returns when those in hand are answered.
    ///
    /// Several responders of one name share its calls. The handler's task is cancelled when its caller cancels or
    /// waits no longer. What it throws reaches the caller: a ``MessagingError`` with its code, anything else as
    /// ``MessagingError/Code/handlerFailed``. A request is acknowledged after its reply: if this process dies, the
    /// request goes to another responder, so a handler may see one twice.
    ///
    /// - Parameters:
    ///   - rpc: the procedure, whose name callers call.
    ///   - options: how many requests are worked on at a time.
    ///   - onReady: called once, when callers find the responder; a call made earlier may find none.
    ///   - handler: answers one request.
    /// - Throws: ``MessagingError`` if the name is not valid or the connection fails for good; `CancellationError`.
    public nonisolated func respond<Request, Response>(
        to rpc: RPC<Request, Response>,
        options: RespondOptions = RespondOptions(),
        onReady: @escaping @Sendable () -> Void = {},
        handler: @escaping @Sendable (Request) async throws -> Response
    ) async throws {
        let runtime = runtime
        try await respond(to: rpc.name, options: options, onReady: onReady) { request in
            try await runtime.codecs.message(handler(runtime.decode(request, from: rpc.name.text)))
        }
    }

    /// Answers calls with messages; otherwise as the typed form. ``RequestContext/current`` has the headers too.
    public nonisolated func respond(
        to name: QueueName,
        options: RespondOptions = RespondOptions(),
        onReady: @escaping @Sendable () -> Void = {},
        handler: @escaping @Sendable (Message) async throws -> Message
    ) async throws {
        try await serve(name, options: options, deadline: .answer, onReady: onReady) {
            try await handler($0.message)
        }
    }

    /// Takes requests and has each answered by a task of its own, until the task is cancelled or shutdown begins.
    nonisolated func serve(
        _ name: QueueName,
        options: RespondOptions,
        deadline: RequestDeadline,
        onReady: () -> Void = {},
        handler: @escaping @Sendable (IncomingRequest) async throws -> Message
    ) async throws {
        let requests = try await openRequests(name, options: options, deadline: deadline, handler: handler)
        onReady()
        try await withGracefulShutdownHandler {
            try await requests.answer()
        } onGracefulShutdown: {
            requests.finish()
        }
    }

    /// Begins to take requests. From here on callers find a responder; they are answered by ``RequestLoop/answer()``.
    nonisolated func openRequests(
        _ name: QueueName,
        options: RespondOptions,
        deadline: RequestDeadline,
        handler: @escaping @Sendable (IncomingRequest) async throws -> Message
    ) async throws -> RequestLoop {
        try runtime.names.check(name, ending: QueueName.cancellationSegment)
        try options.validate(for: name)
        let handling = RequestHandling(
            connection: self,
            name: name,
            inFlight: RequestsInFlight(),
            deadline: deadline,
            handler: handler
        )
        let cancellations = try await subscribe(
            to: TopicPattern(name.cancellationTopic),
            options: .passing(limit: 4_096)
        )
        let requests = try await consumeRequests(from: name, options: ConsumeOptions(prefetch: options.concurrency))
        return RequestLoop(handling: handling, cancellations: cancellations, requests: requests)
    }
}
