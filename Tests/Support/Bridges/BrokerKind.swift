import IntegrationSupport
package import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis

// The servers' options have the same names.
import struct MartletRedis.RedisOptions

/// A kind of broker, of which one runs for all suites.
package enum BrokerKind: String, Codable, CaseIterable, Sendable, CustomStringConvertible {
    case mqtt
    case amqp
    case redis
    case embedded

    private static let embeddedBroker = MemoryBroker()

    package var description: String { rawValue }

    /// The port of the broker that all suites share; none of the embedded one.
    package var port: Int {
        get async throws {
            switch self {
            case .mqtt: try await MosquittoServer.shared().port
            case .amqp: try await RabbitMQServer.shared().port
            case .redis: try await RedisServer.shared().port
            case .embedded: 0
            }
        }
    }

    /// A connection to the broker that all suites share, or to another of its kind.
    package func connect(
        _ name: String? = nil,
        port: Int? = nil,
        whenUnreachable: UnreachablePolicy = .fail,
        thread: (any TaskExecutor)? = nil
    ) async throws -> any Connection {
        let connection = ConnectionOptions(name: name, whenUnreachable: whenUnreachable, thread: thread)
        let reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
        let port = if let port { port } else { try await self.port }
        switch self {
        case .mqtt:
            var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
            options.reconnect = reconnect
            return try await MQTTConnection.connect(options)
        case .amqp:
            var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
            options.reconnect = reconnect
            return try await AMQPConnection.connect(options)
        case .redis:
            var options = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)], connection: connection)
            options.reconnect = reconnect
            options.lease = .seconds(3)
            return try await RedisConnection.connect(options)
        case .embedded:
            return try await Self.embeddedBroker.connect(options: connection)
        }
    }
}

/// Where a bridge is from and where it goes to.
package struct BrokerPair: Sendable, CustomStringConvertible {
    package let from: BrokerKind
    package let to: BrokerKind

    package init(from: BrokerKind, to: BrokerKind) {
        (self.from, self.to) = (from, to)
    }

    package static let all = BrokerKind.allCases.flatMap { from in
        BrokerKind.allCases.map { BrokerPair(from: from, to: $0) }
    }

    package var description: String { "\(from) to \(to)" }
}
