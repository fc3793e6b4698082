import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis
import ServerSupport

// The server's options have the same name.
import struct MartletRedis.RedisOptions

/// A broker and a way of reaching it.
enum BrokerSetup: String, CaseIterable, Sendable {
    case mqtt5 = "MQTT 5"
    case mqtt311 = "MQTT 3.1.1"
    case mqtt5Secured = "MQTT 5 under TLS with a password"
    case mqtt311Secured = "MQTT 3.1.1 under TLS with a password"
    case own5 = "MQTT 5 on Martlet's own broker"
    case own311 = "MQTT 3.1.1 on Martlet's own broker"
    case own5Secured = "MQTT 5 on Martlet's own broker under TLS with a password"
    case amqp = "AMQP"
    case amqpSecured = "AMQP under TLS with client certificates"
    case amqpReplyQueue = "AMQP with a reply queue of its own"
    case redis = "Redis"
    case redisWithPassword = "Redis with a user, in another database"
    case redisSecured = "Redis under TLS with client certificates"
    case redisUnixSocket = "Redis on a Unix socket"

    /// Where its server is. All cells of the process share it.
    struct Server: Sendable {
        let port: Int
        var unixSocket: String?
    }

    func server() async throws -> Server {
        switch self {
        case .mqtt5, .mqtt311:
            return Server(port: try await MosquittoServer.shared().port)
        case .mqtt5Secured, .mqtt311Secured:
            return Server(port: try Self.port(await MosquittoServer.sharedSecured().tlsPort))
        case .own5, .own311:
            return Server(port: try await OwnBroker.shared.port)
        case .own5Secured:
            return Server(port: try await OwnBroker.shared.tlsPort)
        case .amqp, .amqpReplyQueue:
            return Server(port: try await RabbitMQServer.sharedSecured().port)
        case .amqpSecured:
            return Server(port: try Self.port(await RabbitMQServer.sharedSecured().tlsPort))
        case .redis, .redisUnixSocket:
            let server = try await Self.redisServer()
            return Server(port: server.port, unixSocket: server.unixSocket)
        case .redisWithPassword:
            return Server(port: try await Self.redisServer().port)
        case .redisSecured:
            return Server(port: try Self.port(await Self.redisServer().tlsPort))
        }
    }

    /// One server for every way of reaching Redis.
    private static func redisServer() async throws -> RedisServer {
        try await sharedRedis {
            var options = IntegrationSupport.RedisOptions()
            options.users = ["alice on >secret ~* &* +@all"]
            options.tls = .mutual
            options.listensOnUnixSocket = true
            return try RedisServer(options)
        }
    }

    private static let sharedRedis = SharedServer<RedisServer>()

    private static func port(_ port: Int?) throws -> Int {
        guard let port else { throw ServerError("the server has no such listener") }
        return port
    }

    /// Connects to its server. Whoever asks closes the connection.
    ///
    /// - Parameter port: the server's own, or that of a proxy before it.
    func connect(to server: Server, port: Int, _ connection: ConnectionOptions) async throws -> any Connection {
        let reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
        // Many handshakes at the same time may take a small machine longer than the default.
        let connectTimeout = Duration.seconds(60)
        switch self {
        case .mqtt5, .mqtt311, .mqtt5Secured, .mqtt311Secured, .own5, .own311, .own5Secured:
            var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
            options.reconnect = reconnect
            options.connectTimeout = connectTimeout
            options.version = self == .mqtt311 || self == .mqtt311Secured || self == .own311 ? .v311 : .v5
            if self == .mqtt5Secured || self == .mqtt311Secured || self == .own5Secured {
                options.username = "alice"
                options.password = "sesame"
                options.tls = TLSOptions(trust: .file(try await TestCertificates.shared.authority))
            }
            return try await MQTTConnection.connect(options)
        case .amqp, .amqpSecured, .amqpReplyQueue:
            var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
            options.reconnect = reconnect
            options.connectTimeout = connectTimeout
            if self == .amqpSecured { options.tls = try await Self.mutualTLS() }
            if self == .amqpReplyQueue { options.replies = .queue }
            return try await AMQPConnection.connect(options)
        case .redis, .redisWithPassword, .redisSecured, .redisUnixSocket:
            var options = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)], connection: connection)
            options.reconnect = reconnect
            options.connectTimeout = connectTimeout
            if self == .redisWithPassword {
                options.username = "alice"
                options.password = "secret"
                options.database = 3
            }
            if self == .redisSecured { options.tls = try await Self.mutualTLS() }
            if self == .redisUnixSocket { options.servers = [.unix(path: server.unixSocket ?? "")] }
            return try await RedisConnection.connect(options)
        }
    }

    private static func mutualTLS() async throws -> TLSOptions {
        let certificates = try await TestCertificates.shared
        let client = certificates.client
        return TLSOptions(
            trust: .file(certificates.authority),
            clientCertificate: .init(chainFile: client.certificate, keyFile: client.key)
        )
    }
}
