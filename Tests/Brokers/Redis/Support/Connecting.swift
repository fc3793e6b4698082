import Martlet
import MartletRedis

/// A connection to a server on 127.0.0.1 that comes back quickly. Whoever makes it closes it.
func redis(
    on port: Int,
    _ connection: ConnectionOptions = ConnectionOptions(),
    _ configure: (inout RedisOptions) -> Void = { _ in }
) async throws -> RedisConnection {
    try await RedisConnection.connect(options(port, connection, configure))
}

/// Runs `body` with a connection, and closes it.
func withRedis<Result>(
    on port: Int,
    _ connection: ConnectionOptions = ConnectionOptions(),
    _ configure: (inout RedisOptions) -> Void = { _ in },
    _ body: (RedisConnection) async throws -> Result
) async throws -> Result {
    try await RedisConnection.withConnection(options(port, connection, configure), body)
}

private func options(
    _ port: Int,
    _ connection: ConnectionOptions,
    _ configure: (inout RedisOptions) -> Void
) -> RedisOptions {
    var options = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)], connection: connection)
    options.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
    configure(&options)
    return options
}

/// A name that no other test has.
func unique(_ name: String) -> String { "\(name).\(String(UInt64.random(in: 0...UInt64.max), radix: 36))" }

/// What `body` returns once it throws no error that passes; the test's time limit ends it.
@discardableResult
func retrying<Result>(_ body: () async throws -> Result) async throws -> Result {
    while true {
        do {
            return try await body()
        } catch let error as MessagingError where error.isRetriable {
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
