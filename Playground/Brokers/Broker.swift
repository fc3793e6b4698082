import Logging
import Martlet
import MartletBrokers
import MartletSQL
import Synchronization

/// The broker that was chosen: whoever runs on it connects to it, and does not know which one it is.
///
/// What was connected is closed when ``withBroker(at:logger:_:)`` returns.
final class Broker: Sendable {
    private let address: BrokerAddress
    /// An embedded broker, if one was chosen; the one without a name is new each time, as examples run side by side.
    private let embedded: MemoryBroker?
    private let logger: Logger
    private let connections = Mutex<[any Connection]>([])
    private let database: DatabaseAddress
    private let databases = Mutex<[any Database]>([])

    fileprivate init(_ address: BrokerAddress, _ database: DatabaseAddress, logger: Logger) {
        self.address = address
        self.database = database
        self.logger = logger
        embedded =
            switch address {
            case .memory: MemoryBroker()
            case .embedded(let name): .named(name)
            default: nil
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
        let connection: any Connection =
            if let embedded { try await embedded.connect(options: options) } else { try await address.connect(options) }
        connections.withLock { $0.append(connection) }
        return connection
    }

    /// Says how a queue behaves.
    func declareQueue(_ queue: QueueName, options: QueueOptions) throws {
        // The embedded broker's queues are declared at the broker; others have their own ways.
        guard let embedded else {
            throw UsageError("this example declares how its queue \(queue) behaves; run it on memory:")
        }
        try embedded.declareQueue(queue, options: options)
    }

    /// Opens the database that was chosen beside the broker.
    func openDatabase() throws -> any Database {
        let database = try database.open()
        databases.withLock { $0.append(database) }
        return database
    }

    fileprivate func close() async {
        let connections = connections.withLock { connections in
            defer { connections = [] }
            return connections
        }
        for connection in connections.reversed() { await connection.close() }
        let databases = databases.withLock { databases in
            defer { databases = [] }
            return databases
        }
        for database in databases { await database.close() }
    }
}

/// Runs `body` on a broker, and closes what it connected, whether it returns or throws.
func withBroker<Result>(
    at url: BrokerAddress,
    database: DatabaseAddress = .memory,
    logger: Logger = .playground,
    _ body: (Broker) async throws -> Result
) async throws -> Result {
    let broker = Broker(url, database, logger: logger)
    do {
        let result = try await body(broker)
        await broker.close()
        return result
    } catch {
        await broker.close()
        throw error
    }
}
