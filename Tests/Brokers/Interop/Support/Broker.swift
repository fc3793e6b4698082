import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis
import ServerSupport

/// A broker, and the protocol that Martlet speaks to it.
enum Broker: String, Sendable, CaseIterable {
    case mqtt5 = "MQTT 5"
    case mqtt311 = "MQTT 3.1.1"
    case own5 = "MQTT 5, Martlet's own"
    case own311 = "MQTT 3.1.1, Martlet's own"
    case here = "In process, MQTT to its server"
    case amqp = "AMQP"
    case redis = "Redis"

    /// Those whose messages Martlet's connection puts into bytes itself.
    static let remote = allCases.filter { $0 != .here }

    /// What commlib-py calls its transport. It speaks MQTT 3.1.1 alone.
    var transport: JSON {
        switch self {
        case .mqtt5, .mqtt311, .own5, .own311, .here: "mqtt"
        case .amqp: "amqp"
        case .redis: "redis"
        }
    }

    /// The port of the broker that all tests share.
    var port: Int {
        get async throws {
            switch self {
            case .mqtt5, .mqtt311: try await MosquittoServer.shared().port
            case .own5, .own311, .here: try await OwnBroker.shared.port
            case .amqp: try await RabbitMQServer.shared().port
            case .redis: try await RedisServer.shared().port
            }
        }
    }

    func withConnection<Result>(
        _ options: ConnectionOptions = ConnectionOptions(),
        _ body: (any Connection) async throws -> Result
    ) async throws -> Result {
        let port = try await port
        switch self {
        case .here:
            return try await OwnBroker.shared.broker.withConnection(options: options, body)
        case .mqtt5, .mqtt311, .own5, .own311:
            let servers = [MQTTOptions.Server(host: "127.0.0.1", port: port)]
            let version: MQTTVersion = self == .mqtt5 || self == .own5 ? .v5 : .v311
            return try await MQTTConnection.withConnection(
                MQTTOptions(servers: servers, connection: options, version: version),
                body
            )
        case .amqp:
            let servers = [AMQPOptions.Server(host: "127.0.0.1", port: port)]
            return try await AMQPConnection.withConnection(AMQPOptions(servers: servers, connection: options), body)
        case .redis:
            var redis = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)], connection: options)
            // A Python that has to share the processor with a compiler may not look at its list for a while.
            redis.responderGrace = .seconds(1)
            return try await RedisConnection.withConnection(redis, body)
        }
    }
}
