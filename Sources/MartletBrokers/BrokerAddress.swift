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

/// Which broker to run on, as a URL says it. The URL may hold a password: print ``description`` instead.
package enum BrokerAddress: Hashable, Sendable {
    /// `memory:` or `memory:name`, an embedded broker: in this process.
    case embedded(String)
    /// `mqtt:` or `mqtts:`.
    case mqtt(String)
    /// `amqp:` or `amqps:`.
    case amqp(String)
    /// `redis:`, `rediss:`, `unix:` or `redis+unix:`.
    case redis(String)

    /// `memory:`, the embedded broker that has no name.
    package static let memory = BrokerAddress.embedded("")

    /// The forms there are, for a message that asks for one of them.
    package static let known = "memory:, mqtt://host, amqp://host, redis://host"

    /// `nil` if there is no such kind of broker.
    package init?(_ text: String) {
        let rest = text.drop { $0 != ":" }
        switch text[..<rest.startIndex].lowercased() {
        case "memory" where !rest.isEmpty:
            guard let name = Self.embeddedName(rest) else { return nil }
            self = .embedded(name)
        case "mqtt", "mqtts": self = .mqtt(text)
        case "amqp", "amqps": self = .amqp(text)
        case "redis", "rediss", "unix", "redis+unix": self = .redis(text)
        default: return nil
        }
    }

    /// Reads a URL.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` with the schemes there are.
    package init(url text: String) throws {
        if let address = BrokerAddress(text) {
            self = address
            return
        }
        // Without a scheme nobody knows what the beginning is: it may be a password's.
        guard
            let end = text.firstRange(of: "://")?.lowerBound
                ?? (text.hasPrefix("memory:") ? text.firstIndex(of: ":") : nil)
        else {
            throw MessagingError(.invalidArgument, "it is no URL of a broker; one begins with \(Self.schemes)")
        }
        let scheme = text[..<end]
        if scheme.lowercased() == "memory" {
            throw MessagingError(
                .invalidArgument,
                "behind memory: stands nothing, or a name of letters of ASCII, digits, '-', '_' and '.'; it has no options"
            )
        }
        throw MessagingError(
            .invalidArgument,
            "there is no broker \(quoted(scheme + ":")); a URL of one begins with \(Self.schemes)"
        )
    }

    private static let schemes = "memory:, mqtt:, mqtts:, amqp:, amqps:, redis:, rediss:, unix: or redis+unix:"

    /// The name of an embedded broker.
    ///
    /// - Parameter rest: what stands behind `memory`, with its colon.
    private static func embeddedName(_ rest: Substring) -> String? {
        let name = rest.hasPrefix("://") ? rest.dropFirst(3) : rest.dropFirst()
        let isName = name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "-_.".utf8.contains(byte)
        }
        return isName ? String(name) : nil
    }

    /// Connects to the broker.
    ///
    /// - Parameter limit: how long one attempt may take; by default, and at most, as long as the URL says.
    /// - Throws: as the transport's `connect`; ``MessagingError/Code/unsupported`` for a kind of broker whose trait is off.
    package func connect(_ options: ConnectionOptions, within limit: Duration? = nil) async throws -> any Connection {
        switch self {
        case .embedded(let name):
            return try await MemoryBroker.named(name).connect(options: options)
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
            "this program was built without the trait \(trait) of the package martlet, and so can't connect to '\(scheme):'"
        )
    }
}

extension BrokerAddress: CustomStringConvertible, CustomReflectable {
    /// The URL without its secrets.
    package var description: String {
        switch self {
        case .embedded(let name): "memory:\(name)"
        case .mqtt(let url), .amqp(let url), .redis(let url):
            // What can't be read might hold a password anywhere.
            (try? BrokerURL(url))?.description ?? url.prefix { $0 != ":" } + "://…"
        }
    }

    /// The passwords and other secrets in the URL, as they are and as they are written there.
    package var secrets: [String] {
        switch self {
        case .embedded: return []
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
