package import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What to do, from the command line: `PROGRAM TRANSPORT WORKLOAD COUNT BYTES [WINDOW]`. The broker's port is in `BROKER_PORT`;
/// the transport `memory` needs none, except to serve.
package struct Job: Sendable {
    package enum Transport: String, Sendable {
        case mqtt, amqp, redis
        /// PostgreSQL, which is no transport of messages.
        case sql
        /// The embedded broker.
        case memory
    }

    package struct UsageError: Error, CustomStringConvertible {
        package let description = "usage: BROKER_PORT=N PROGRAM TRANSPORT WORKLOAD COUNT BYTES [WINDOW]"

        package init() {}
    }

    package let transport: Transport
    package let workload: String
    package let count: Int
    package let bytes: Int
    /// How many messages or calls are under way at a time.
    package let window: Int
    package let port: Int

    package let topic: TopicName = "bench.topic"
    package let requests: QueueName = "bench.requests"
    package let queue: QueueName = "bench.queue.martlet"

    /// Does what the command line says. What goes wrong ends the program.
    package static func main(_ run: (Job) async throws -> Void) async {
        do {
            try await run(Job(Array(CommandLine.arguments.dropFirst())))
        } catch {
            let line = Array("\(CommandLine.arguments[0]): \(error)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
            exit(1)
        }
    }

    private init(_ arguments: [String]) throws {
        let numbers = arguments.dropFirst(2).compactMap { Int($0) }
        guard (4...5).contains(arguments.count), numbers.count == arguments.count - 2,
            let transport = Transport(rawValue: arguments[0]),
            let port = Self.port("BROKER_PORT") ?? (transport == .memory ? 0 : nil)
        else { throw UsageError() }
        self.transport = transport
        workload = arguments[1]
        (count, bytes) = (numbers[0], numbers[1])
        window = numbers.count > 2 ? numbers[2] : 1
        self.port = port
    }

    /// What the workload sends.
    package var message: Message { Message(Array(repeating: UInt8(ascii: "x"), count: bytes)) }

    package static func port(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

    /// - Parameter thread: that of another connection, to share it.
    package func connect(port: Int? = nil, thread: (any TaskExecutor)? = nil) async throws -> any Connection {
        let port = port ?? self.port
        let connection = ConnectionOptions(thread: thread)
        switch transport {
        case .mqtt:
            return try await MQTTConnection.connect(
                MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
            )
        case .amqp:
            // The programs in C have classic queues too. A subscription takes a channel.
            return try await AMQPConnection.connect(
                AMQPOptions(
                    servers: [.init(host: "127.0.0.1", port: port)],
                    connection: connection,
                    maximumChannels: 20_000,
                    queueKind: .classic
                )
            )
        case .memory:
            return try await MemoryBroker().connect()
        case .sql:
            throw UsageError()
        case .redis:
            return try await RedisConnection.connect(
                RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)], connection: connection)
            )
        }
    }
}
