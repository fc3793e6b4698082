package import Martlet

#if AMQP
import MartletAMQP
#endif
#if MQTT
import MartletMQTT
#endif
#if Redis
import MartletRedis
#endif

/// Which broker to run on, as it stands on a command line. Its URL may hold a password: print ``description`` instead.
package enum BrokerAddress: Hashable, Sendable {
    /// `memory:`, the embedded broker: in this process.
    case memory
    /// `mqtt:` or `mqtts:`.
    case mqtt(String)
    /// `amqp:` or `amqps:`.
    case amqp(String)
    /// `redis:`, `rediss:`, `unix:` or `redis+unix:`.
    case redis(String)

    /// The forms there are, for whoever asks for another.
    package static let known = "memory:, mqtt://host, amqp://host, redis://host"

    /// `nil` if there is no such kind of broker.
    package init?(_ text: String) {
        switch text.prefix(while: { $0 != ":" }).lowercased() {
        case "memory" where text.lowercased() == "memory:" || text.lowercased() == "memory://": self = .memory
        case "mqtt", "mqtts": self = .mqtt(text)
        case "amqp", "amqps": self = .amqp(text)
        case "redis", "rediss", "unix", "redis+unix": self = .redis(text)
        default: return nil
        }
    }

    /// Connects to the broker.
    ///
    /// - Parameters:
    ///   - broker: the embedded broker, for whom it is that one.
    ///   - limit: how long one attempt may take; by default, and at most, as long as the URL says.
    /// - Throws: as the transport's `connect`.
    package func connect(
        _ options: ConnectionOptions,
        embedded broker: MemoryBroker,
        within limit: Duration? = nil
    ) async throws -> any Connection {
        switch self {
        case .memory:
            return try await broker.connect(options: options)
        case .mqtt(let url):
            #if MQTT
            var options = try MQTTOptions(url: url, connection: options)
            if let limit { options.connectTimeout = min(limit, options.connectTimeout) }
            return try await MQTTConnection.connect(options)
            #else
            throw Self.isWithout("MQTT", url)
            #endif
        case .amqp(let url):
            #if AMQP
            var options = try AMQPOptions(url: url, connection: options)
            if let limit { options.connectTimeout = min(limit, options.connectTimeout) }
            return try await AMQPConnection.connect(options)
            #else
            throw Self.isWithout("AMQP", url)
            #endif
        case .redis(let url):
            #if Redis
            var options = try RedisOptions(url: url, connection: options)
            if let limit { options.connectTimeout = min(limit, options.connectTimeout) }
            return try await RedisConnection.connect(options)
            #else
            throw Self.isWithout("Redis", url)
            #endif
        }
    }

    /// A broker that this program was built without: the trait of its transport was off.
    static func isWithout(_ trait: String, _ url: String) -> MessagingError {
        let scheme = url.prefix { $0 != ":" }
        return MessagingError(
            .unsupported,
            "this program was built without the trait \(trait), and so knows no '\(scheme):'"
        )
    }
}

extension BrokerAddress: CustomStringConvertible, CustomReflectable {
    /// The URL without its secrets.
    package var description: String {
        switch self {
        case .memory: "memory:"
        case .mqtt(let url), .amqp(let url), .redis(let url):
            // What can't be read might hold a password anywhere.
            (try? BrokerURL(url))?.description ?? url.prefix { $0 != ":" } + "://…"
        }
    }

    /// The passwords and other secrets in the URL, as they are and as they are written there.
    package var secrets: [String] {
        switch self {
        case .memory: return []
        case .mqtt(let url), .amqp(let url), .redis(let url):
            // What can't be read might hold a password anywhere.
            guard let parsed = try? BrokerURL(url) else { return [url] }
            let plain =
                [parsed.password].compactMap { $0 }
                + parsed.query.filter { BrokerURL.isSecret($0.name) }.map(\.value)
            return plain.filter { !$0.isEmpty }.flatMap { [$0, BrokerURL.escaped($0)] }
        }
    }

    /// What `dump` shows: only the description.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
