public import Martlet

/// Connects to the broker that a URL names, of whatever kind it is, and keeps the link from then on.
///
/// | URL | broker | trait |
/// |---|---|---|
/// | `memory:`, `memory:name` | the embedded one of that name, in this process; see `MemoryBroker.named(_:)` | |
/// | `mqtt:`, `mqtts:` | MQTT; the URL as for `MQTTOptions` | `MQTT` |
/// | `amqp:`, `amqps:` | RabbitMQ; the URL as for `AMQPOptions` | `AMQP` |
/// | `redis:`, `rediss:`, `unix:`, `redis+unix:` | Redis; the URL as for `RedisOptions` | `Redis` |
///
/// What only one kind of broker can do is reached by its type: `if let mqtt = connection as? MQTTConnection`.
///
/// - Parameters:
///   - url: where the broker is, with the options of its kind.
///   - connection: what the URL does not say. Where both say something, such as a name, the URL counts.
/// - Returns: a connection that the caller closes.
/// - Throws: `MessagingError.Code.invalidArgument` with the schemes there are, or with the part of the URL that is wrong;
///   `MessagingError.Code.unsupported` with the trait that the program was built without; otherwise as the connection of
///   that kind. No error holds a password. `CancellationError` if the task is cancelled meanwhile.
public func connect(
    to url: String,
    connection: ConnectionOptions = ConnectionOptions()
) async throws -> any Connection {
    try await BrokerAddress(url: url).connect(connection)
}

/// Connects to the broker that a URL names, runs `body`, and closes the connection, whether `body` returns or throws.
///
/// - Parameters:
///   - url: where the broker is; see ``connect(to:connection:)``.
///   - options: what the URL does not say.
///   - body: what needs the connection.
/// - Returns: what `body` returns.
/// - Throws: as ``connect(to:connection:)``, and what `body` throws.
public func withConnection<Result>(
    to url: String,
    connection options: ConnectionOptions = ConnectionOptions(),
    _ body: (any Connection) async throws -> Result
) async throws -> Result {
    let connection = try await connect(to: url, connection: options)
    return try await connection.closing { _ in try await body(connection) }
}
