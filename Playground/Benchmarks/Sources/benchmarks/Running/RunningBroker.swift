import IntegrationSupport

/// A broker that runs for the workloads that need it.
struct RunningBroker: Sendable {
    let port: Int
    private let server: (any ControlledServer)?

    /// Starts a broker of a kind, runs `body`, and ends the broker.
    static func with<Result>(_ kind: BrokerKind, _ body: (Self) async throws -> Result) async throws -> Result {
        switch kind {
        case .mosquitto:
            try await MosquittoServer.withServer(mosquitto()) { try await body(Self(port: $0.port, server: $0)) }
        case .rabbitmq:
            try await RabbitMQServer.withServer(rabbitMQ) { try await body(Self(port: $0.port, server: $0)) }
        case .redis:
            try await RedisServer.withServer(redis) { try await body(Self(port: $0.port, server: $0)) }
        case .postgresql:
            try await PostgreSQLServer.withServer { try await body(Self(port: $0.port, server: $0)) }
        case .none:
            try await body(Self(port: 0, server: nil))
        }
    }

    /// Begins anew, without what a workload that failed has left.
    func restart() async throws { try await server?.restart() }

    /// - Parameter source: the port of the broker that it fetches all messages from.
    static func mosquitto(bridgedFrom source: Int? = nil) -> MosquittoOptions {
        var options = MosquittoOptions()
        // As many as any window here, for clients of MQTT 5 as well.
        options.maximumInFlight = 1_000
        if let source {
            options.extraLines = [
                "connection bench", "address 127.0.0.1:\(source)", "topic bench/# in 0", "cleansession true",
                "notifications false", "restart_timeout 1",
            ]
        }
        return options
    }

    /// Room for ten thousand subscriptions of one connection.
    private static var rabbitMQ: RabbitMQOptions {
        var options = RabbitMQOptions()
        options.maximumChannels = 20_000
        return options
    }

    /// Subscribers that lag behind the source are not cut off.
    private static var redis: RedisOptions {
        var options = RedisOptions()
        options.subscriberBufferLimit = 0
        return options
    }
}
