import IntegrationSupport
import Testing

/// The brokers on which everything is tested.
enum TestBroker: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case mqtt, amqp, redis

    var testDescription: String { rawValue }

    /// Where the running one is.
    var url: String {
        get async throws {
            switch self {
            case .mqtt: "mqtt://127.0.0.1:\(try await MosquittoServer.shared().port)"
            case .amqp: "amqp://guest:guest@127.0.0.1:\(try await RabbitMQServer.shared().port)"
            case .redis: "redis://127.0.0.1:\(try await RedisServer.shared().port)"
            }
        }
    }

    /// Runs `body` with a broker of its own, or, as RabbitMQ takes long to start, a virtual host: names there are nobody
    /// else's.
    func withServer(_ body: (_ url: String) async throws -> Void) async throws {
        switch self {
        case .mqtt: try await MosquittoServer.withServer { try await body("mqtt://127.0.0.1:\($0.port)") }
        case .redis: try await RedisServer.withServer { try await body("redis://127.0.0.1:\($0.port)") }
        case .amqp: try await body(url + "/" + RabbitMQServer.shared().addVirtualHost())
        }
    }
}
