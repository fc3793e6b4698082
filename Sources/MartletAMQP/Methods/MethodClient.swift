public import Martlet

/// Calls methods of a service that is reached by way of exchanges and queues.
///
/// ```swift
/// let server = MethodClient(of: "server", on: connection, style: .farine)
/// let sum = try await server.call("add", Pair(a: 1, b: 2), returning: Double.self)
/// ```
///
/// Any number of calls may be under way. Their replies come by one queue, which is this client's own and goes with its link.
public actor MethodClient {
    private nonisolated let service: String
    private nonisolated let connection: AMQPConnection
    private nonisolated let style: MethodStyle
    private nonisolated let timeout: Duration
    /// Calls that wait, once there was one, and what hands them their replies. Owned: ``close()`` waits for its end.
    private var pending: (replies: PendingReplies, reader: Task<Void, Never>)?
    private nonisolated let openings = Turns()
    private var isClosed = false

    /// A client. It opens what it needs with the first call.
    ///
    /// - Parameters:
    ///   - service: whose methods.
    ///   - connection: by which they are called.
    ///   - style: how the service speaks.
    ///   - timeout: how long it may take from a call to its first reply, and from one to the next of a stream. A request that
    ///     has not been sent by then is not sent.
    public init(
        of service: String,
        on connection: AMQPConnection,
        style: MethodStyle,
        timeout: Duration = .seconds(30)
    ) {
        self.service = service
        self.connection = connection
        self.style = style
        self.timeout = timeout
    }

    deinit { pending?.reader.cancel() }

    /// Calls a method, and returns its value; of a stream, the first one.
    ///
    /// - Parameters:
    ///   - method: what it is called.
    ///   - arguments: a value with a member for each argument.
    ///   - ordered: arguments in order, before those by name.
    ///   - type: what it returns.
    /// - Throws: `MessagingError.Code.noResponder` at once if no program serves it; `MessagingError.Code.timeout`;
    ///   `MessagingError.Code.handlerFailed` with the text of the service's error; `MessagingError.Code.invalidArgument` for
    ///   arguments that the service does not take; `MessagingError.Code.decodingFailed` if the value is of another type;
    ///   `CancellationError`, and the reply is thrown away when it comes.
    public func call<Value: Decodable & Sendable>(
        _ method: String,
        _ arguments: some Encodable & Sendable = NoArguments(),
        ordered: [JSON] = [],
        returning type: Value.Type = Value.self
    ) async throws -> Value {
        let request = try Self.request(method, arguments, ordered)
        let reply = try await inTime(method) {
            let replies = try await self.openReplies()
            let id = ReplyQueue.identifier()
            let promise = try replies.expect(id)
            defer { replies.forget(id) }
            try await self.send(request, method, id, replies.queue)
            return try await promise.value()
        }
        switch reply {
        case .value(let value, _): return try value.value(as: Value.self)
        case .end: throw MessagingError(.streamBroken, "\(quoted(method)) ended without a value")
        case .failure(let error): throw error
        }
    }

    /// Calls a method, and returns its values as they come. They have a queue of their own, and the broker is asked for more
    /// as they are read.
    ///
    /// - Returns: a sequence for one reader, which throws as ``call(_:_:ordered:returning:)`` does. Leaving it early leaves
    ///   the rest to come for nothing: the service can't be told.
    /// - Throws: as ``call(_:_:ordered:returning:)``.
    public nonisolated func stream<Value: Decodable & Sendable>(
        _ method: String,
        _ arguments: some Encodable & Sendable = NoArguments(),
        ordered: [JSON] = [],
        returning type: Value.Type = Value.self
    ) async throws -> MethodValues<Value> {
        let request = try Self.request(method, arguments, ordered)
        let id = ReplyQueue.identifier()
        let queue = try await inTime(method) { [self] in
            let queue = try await ReplyQueue(on: connection, service, style, prefetch: 100)
            try await send(request, method, id, queue)
            return queue
        }
        return MethodValues(queue, id, style, timeout, lateness(of: method), connection.runtime.timers)
    }

    /// Ends it: calls that are under way throw `MessagingError.Code.connectionClosed`, and so do later ones. Without this it
    /// ends when its connection does, or when nobody holds it any more.
    public func close() async {
        isClosed = true
        guard let (replies, reader) = pending else { return }
        pending = nil
        await replies.queue.close()
        reader.cancel()
        await reader.value
    }

    /// Runs `body`, and cancels it after the timeout: what it publishes waits for the broker for as long as that takes.
    private nonisolated func inTime<Result: Sendable>(
        _ method: String,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (timers, timeout, late) = (connection.runtime.timers, timeout, lateness(of: method))
        return try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await timers.sleep(for: timeout)
                throw late
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw late }
            return result
        }
    }

    private nonisolated func lateness(of method: String) -> MessagingError {
        MessagingError(.timeout, "\(quoted(method)) of \(quoted(service)) did not answer within \(timeout)")
    }

    private static func request(
        _ method: String,
        _ arguments: some Encodable & Sendable,
        _ ordered: [JSON]
    ) throws -> [UInt8] {
        guard case .object(let named) = try JSON(encoding: arguments) else {
            throw MessagingError(.invalidArgument, "the arguments of \(quoted(method)) are no value with members")
        }
        return MethodArguments(ordered: ordered, named: named).request
    }

    private nonisolated func send(
        _ request: [UInt8],
        _ method: String,
        _ id: String,
        _ replies: ReplyQueue
    ) async throws {
        do {
            try await replies.channel.publish(
                AMQPMessage(request, properties: .json(correlationID: id, replyTo: replies.address)),
                to: style.exchange(of: service).name,
                routingKey: style.key(method, of: service),
                isMandatory: true
            )
        } catch let error as MessagingError where error.code == .noResponder {
            throw MessagingError(.noResponder, "no program serves \(quoted(method)) of \(quoted(service))")
        }
    }

    /// Those who call meanwhile wait for the same queue.
    private func openReplies() async throws -> PendingReplies {
        if let pending, !pending.replies.hasEnded { return pending.replies }
        return try await openings.take {
            guard !isClosed else { throw MessagingError.closed }
            if let pending, !pending.replies.hasEnded { return pending.replies }
            let queue = try await ReplyQueue(on: connection, service, style, prefetch: 0)
            guard !isClosed else {
                await queue.close()
                throw MessagingError.closed
            }
            let replies = PendingReplies(queue)
            pending = (replies, Task { [style] in await replies.read(style) })
            return replies
        }
    }
}
