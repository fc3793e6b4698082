public import Martlet

extension MQTTConnection: BrokerConnection {
    /// Connects to the broker of a URL such as `mqtt://localhost`; see ``MQTTOptions/init(url:connection:)`` and
    /// ``connect(_:)``.
    public static func connect(
        to url: String,
        connection: ConnectionOptions = ConnectionOptions()
    ) async throws -> MQTTConnection {
        try await connect(MQTTOptions(url: url, connection: connection))
    }
}
