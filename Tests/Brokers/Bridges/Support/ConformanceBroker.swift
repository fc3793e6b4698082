import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis

// The servers' options have the same names.
import struct MartletRedis.RedisOptions

/// A broker of a pair, in a protocol. There are two of each kind, for names mean the same at both ends of a pair.
enum ConformanceBroker: String, CaseIterable, Sendable, CustomStringConvertible {
    case mqtt5
    case mqtt311
    case amqp
    case redis
    case embedded

    /// Which of the two.
    enum Place: Int, Sendable {
        case first
        case second
    }

    private static let embeddedBrokers = [MemoryBroker(), MemoryBroker()]
    private static let secondMosquitto = SharedServer<MosquittoServer>()
    private static let secondRedis = SharedServer<RedisServer>()
    private static let secondHost = SecondHost()

    var description: String { rawValue }

    /// Its port; `nil` if it has none.
    func port(_ place: Place) async throws -> Int? {
        switch (self, place) {
        case (.mqtt5, .first), (.mqtt311, .first): try await MosquittoServer.shared().port
        case (.mqtt5, .second), (.mqtt311, .second): try await Self.secondMosquitto { try MosquittoServer() }.port
        case (.amqp, _): try await RabbitMQServer.shared().port
        case (.redis, .first): try await RedisServer.shared().port
        case (.redis, .second): try await Self.secondRedis { try RedisServer() }.port
        case (.embedded, _): nil
        }
    }

    /// A connection.
    ///
    /// - Parameter port: where it is connected instead, such as a proxy.
    func connect(_ place: Place, _ connection: ConnectionOptions, port: Int? = nil) async throws -> any Connection {
        let reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
        guard let own = try await self.port(place) else {
            return try await Self.embeddedBrokers[place.rawValue].connect(options: connection)
        }
        let port = port ?? own
        switch self {
        case .mqtt5, .mqtt311, .embedded:
            var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
            options.version = self == .mqtt311 ? .v311 : .v5
            options.reconnect = reconnect
            return try await MQTTConnection.connect(options)
        case .amqp:
            var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
            if place == .second { options.virtualHost = try await Self.secondHost.name() }
            options.reconnect = reconnect
            return try await AMQPConnection.connect(options)
        case .redis:
            var options = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)], connection: connection)
            options.reconnect = reconnect
            // A will is published when the lease of who is lost is over.
            options.lease = .seconds(3)
            return try await RedisConnection.connect(options)
        }
    }
}

/// A virtual host beside the usual one: to its clients another broker.
private actor SecondHost {
    private var making: Task<Void, any Error>?

    /// What it is called. Whoever asks first has it made.
    func name() async throws -> String {
        let making =
            making
            ?? Task {
                let server = try await RabbitMQServer.shared()
                try await server.control("add_vhost", "second")
                try await server.control("set_permissions", "-p", "second", "guest", ".*", ".*", ".*")
            }
        self.making = making
        try await making.value
        return "second"
    }
}
