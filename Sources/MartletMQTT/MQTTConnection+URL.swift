public import Martlet

extension MQTTConnection {
    /// Connects to the broker of a URL such as `mqtt://localhost`; see ``MQTTOptions/init(url:connection:)`` and
    /// ``connect(_:)``.
    public static func connect(
        to url: String,
        connection: ConnectionOptions = ConnectionOptions()
    ) async throws -> MQTTConnection {
        try await connect(MQTTOptions(url: url, connection: connection))
    }

    /// Connects to the broker of a URL, runs `body`, and closes the connection, whether `body` returns or throws.
    public static func withConnection<Result>(
        to url: String,
        connection: ConnectionOptions = ConnectionOptions(),
        _ body: (MQTTConnection) async throws -> Result
    ) async throws -> Result {
        try await withConnection(MQTTOptions(url: url, connection: connection), body)
    }
}
