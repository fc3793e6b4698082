import Logging
public import Martlet

extension ConformanceEnvironment {
    /// A new connection that logs nothing: what nodes say of themselves is not what is checked.
    public func connectQuietly(
        will: Will? = nil,
        at side: ConformanceSide = .source
    ) async throws -> any Connection {
        try await connect(ConnectionOptions(will: will, logger: Self.silence), at: side)
    }

    /// Runs `body` while a node runs; its components can be found by the time `body` begins.
    @discardableResult
    public func running<Result>(_ node: Node, _ body: () async throws -> Result) async throws -> Result {
        try await withServer {
            try await node.run()
        } untilDone: {
            try await node.waitUntilReady(within: .seconds(20))
            return try await body()
        }
    }

    static var silence: Logger { Logger(label: "conformance") { _ in SwiftLogNoOpLogHandler() } }
}
