import Logging
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis
import Synchronization

/// The broker that was chosen: whoever runs on it connects to it, and does not know which one it is.
///
/// What was connected is closed when ``withBroker(at:logger:_:)`` returns.
final class Broker: Sendable {
    /// What each kind of broker has to be able to do.
    private struct Kind: Sendable {
        let connect: @Sendable (ConnectionOptions) async throws -> any Connection
        /// The embedded broker's queues are declared at the broker; others have their own ways.
        var declareQueue: @Sendable (QueueName, QueueOptions) throws -> Void = { queue, _ in
            throw UsageError("this example declares how its queue \(queue) behaves; run it on memory:")
        }
    }

    private let kind: Kind
    private let logger: Logger
    private let connections = Mutex<[any Connection]>([])

    fileprivate init(_ url: BrokerURL, logger: Logger) {
        self.logger = logger
        switch url {
        case .memory:
            let broker = MemoryBroker()
            kind = Kind(
                connect: { try await broker.connect(options: $0) },
                declareQueue: { try broker.declareQueue($0, options: $1) }
            )
        case .mqtt(let url):
            kind = Kind { try await MQTTConnection.connect(to: url, connection: $0) }
        case .amqp(let url):
            kind = Kind { try await AMQPConnection.connect(to: url, connection: $0) }
        case .redis(let url):
            kind = Kind { try await RedisConnection.connect(to: url, connection: $0) }
        }
    }

    /// Connects to the broker.
    ///
    /// - Parameters:
    ///   - name: what the connection is called.
    ///   - will: what the broker publishes if it loses the connection.
    ///   - clock: what measures the connection's timeouts; another one is for tests.
    func connect(
        name: String,
        will: Will? = nil,
        clock: any Clock<Duration> = ContinuousClock()
    ) async throws -> any Connection {
        let options = ConnectionOptions(name: name, will: will, logger: logger, clock: clock)
        let connection = try await kind.connect(options)
        connections.withLock { $0.append(connection) }
        return connection
    }

    /// Says how a queue behaves.
    func declareQueue(_ queue: QueueName, options: QueueOptions) throws {
        try kind.declareQueue(queue, options)
    }

    fileprivate func close() async {
        let connections = connections.withLock { connections in
            defer { connections = [] }
            return connections
        }
        for connection in connections.reversed() { await connection.close() }
    }
}

/// Runs `body` on a broker, and closes what it connected, whether it returns or throws.
func withBroker<Result>(
    at url: BrokerURL,
    logger: Logger = .playground,
    _ body: (Broker) async throws -> Result
) async throws -> Result {
    let broker = Broker(url, logger: logger)
    do {
        let result = try await body(broker)
        await broker.close()
        return result
    } catch {
        await broker.close()
        throw error
    }
}
