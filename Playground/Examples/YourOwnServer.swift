import Martlet
import MartletMQTT
import MartletServer

/// A broker, a publisher and a puller in one program: first step by step in memory, then on sockets.
struct YourOwnServer: Example {
    let name = "your-own-server"
    let summary = "the same broker stepped in memory and on a socket: one publishes, one pulls"

    /// The queues that the program knows.
    enum QueueID: String { case greetings }

    private let queue = QueueName(QueueID.greetings)

    func run(on chosen: Broker) async throws {
        let stepped = MemoryBroker(options: MemoryBroker.Options(mode: .stepped))
        try await publishOneReadOne(on: stepped, stepped.connect(name:))

        let broker = MemoryBroker()
        let server = BrokerServer(broker, listeners: [.mqtt(host: "::1", port: 0)])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try await server.addresses[0].port
            try await publishOneReadOne(on: broker) { name in
                let options = ConnectionOptions(name: name)
                return try await MQTTConnection.connect(
                    MQTTOptions(servers: [.init(host: "::1", port: port)], connection: options)
                )
            }
            group.cancelAll()
        }
    }

    private func publishOneReadOne(
        on broker: MemoryBroker,
        _ connect: (String) async throws -> any Connection
    ) async throws {
        try broker.declareQueue(queue, options: QueueOptions())
        let (sender, receiver) = (try await connect("sender"), try await connect("receiver"))
        try await sender.send(Message("Hello, world!"), to: queue)
        let pull = try await receiver.consume(from: queue, options: ConsumeOptions(prefetch: 1))
        if broker.options.mode == .stepped {
            print("before a step: \(pull.nextIfReady()?.message.text ?? "nothing")")
            broker.stepAll()
        }
        guard let delivery = try await pull.next(within: .seconds(10)) else { return }
        print("\(broker.options.mode): \(delivery.message.text ?? "?")")
        try delivery.ack()
        do {
            _ = try await pull.next(within: .milliseconds(10))
        } catch let error as MessagingError {
            print("\(broker.options.mode): \(error.code)")
        }
        for connection in [receiver, sender] { await connection.close() }
    }
}
