public import Martlet

extension ConformanceEnvironment {
    /// Runs `body` while a connection answers calls, which it does by the time `body` begins.
    @discardableResult
    public func responding<Result>(
        on connection: any Connection,
        to name: QueueName,
        options: RespondOptions = RespondOptions(),
        handler: @escaping @Sendable (Message) async throws -> Message,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withReadyServer { onReady in
            try await connection.respond(to: name, options: options, onReady: onReady, handler: handler)
        } untilDone: {
            try await body()
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
        try await withReadyServer { onReady in
            try await connection.respond(to: rpc, onReady: onReady, handler: handler)
        } untilDone: {
            try await body()
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

    /// Runs `body` beside a server that says when it is found, and begins it then.
    ///
    /// To ask the server until it answers would not do: another one of its name may answer.
    func withReadyServer<Result>(
        _ server: @escaping @Sendable (_ onReady: @escaping @Sendable () -> Void) async throws -> Void,
        untilDone body: () async throws -> Result
    ) async throws -> Result {
        let (ready, isReady) = AsyncStream.makeStream(of: Bool.self)
        return try await withServer {
            defer { isReady.finish() }
            try await server { isReady.yield(true) }
        } untilDone: {
            guard await ready.first(where: { $0 }) != nil else {
                try Task.checkCancellation()
                throw failure(expected: "a server to be found by its callers", actual: "it ended before that")
            }
            return try await body()
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
