public import Martlet

extension ConformanceEnvironment {
    private static let probe = "conformance-probe"

    /// Runs `body` while a connection answers calls, which it does by the time `body` begins.
    @discardableResult
    public func responding<Result>(
        on connection: any Connection,
        to name: QueueName,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Message) async throws -> Message,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withServer {
            try await connection.respond(to: name, options: options) { request in
                request.headers[Self.probe] == nil ? try await handler(request) : request
            }
        } untilDone: {
            let prober = try await connect()
            try await retrying {
                _ = try await prober.call(name, Message(headers: [Self.probe: true]), timeout: .milliseconds(300))
            }
            return try await body()
        }
    }

    /// Runs `body` while a connection answers calls with values, which it does by the time `body` begins.
    @discardableResult
    public func responding<Request, Response, Result>(
        on connection: any Connection,
        to rpc: RPC<Request, Response>,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Request) async throws -> Response,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let runtime = connection.runtime
        return try await responding(on: connection, to: rpc.name, options: options) { request in
            try await runtime.codecs.message(handler(runtime.codecs.value(of: request)))
        } _: {
            try await body()
        }
    }

    /// Runs `body` while a connection answers calls as a user's program does: `body` has to wait for it.
    @discardableResult
    public func serving<Request, Response, Result>(
        on connection: any Connection,
        to rpc: RPC<Request, Response>,
        handler: @escaping @Sendable (Request) async throws -> Response,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withServer {
            try await connection.respond(to: rpc, handler: handler)
        } untilDone: {
            try await body()
        }
    }

    /// Runs `body` while a connection answers calls with streams, which it does by the time `body` begins.
    @discardableResult
    public func streaming<Result>(
        on connection: any Connection,
        to rpc: StreamingRPC<Int, Int>,
        handler: @escaping @Sendable (Int, ResponseWriter<Int>) async throws -> Void,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withServer {
            try await connection.respond(to: rpc) { request, writer in
                if request != .min { try await handler(request, writer) }
            }
        } untilDone: {
            let prober = try await connect()
            try await retrying {
                for try await _ in try await prober.stream(rpc, .min, timeout: .milliseconds(300)) {}
            }
            return try await body()
        }
    }

    /// Runs `body` beside a server, which is cancelled when it is done.
    func withServer<Result>(
        _ server: @escaping @Sendable () async throws -> Void,
        untilDone body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server() }
            let result = try await body()
            group.cancelAll()
            // What the server ended with is not what is checked here.
            while await group.nextResult() != nil {}
            return result
        }
    }

    /// Repeats what fails because the link is down or nobody is there yet.
    public func retrying<Result>(_ body: () async throws -> Result) async throws -> Result {
        while true {
            do {
                return try await body()
            } catch let error as MessagingError where error.isRetriable {
                try await Task.sleep(for: .milliseconds(1))
            }
        }
    }
}
