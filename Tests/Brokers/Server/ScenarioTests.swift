import Martlet
import MartletMQTT
import MartletServer
import Testing

/// A broker, a publisher and a puller that one program writes: in memory, step by step, and on sockets.
@Suite(.timeLimit(.minutes(5))) struct ScenarioTests {
    private enum QueueID: String { case greetings }

    private static let queue = QueueName(QueueID.greetings)

    /// One message is published, pulled and acknowledged.
    ///
    /// - Parameter process: has the broker do what there is to be done.
    private func publishOneReadOne(
        on broker: MemoryBroker,
        _ connect: (String) async throws -> any Connection,
        process: () async throws -> Void
    ) async throws {
        try broker.declareQueue(Self.queue, options: QueueOptions())
        let (sender, receiver) = (try await connect("sender"), try await connect("receiver"))
        try await sender.send(Message("Hello, world!"), to: Self.queue)
        let pull = try await receiver.consume(from: Self.queue, options: ConsumeOptions(prefetch: 1))
        #expect(broker.options.mode == .immediate || pull.nextIfReady() == nil, "nothing comes before a step")
        try await process()
        let delivery = try #require(try await pull.next(within: .seconds(60)))
        #expect(delivery.message.text == "Hello, world!")
        try delivery.ack()
        while broker.presence.queues[0].unsettled > 0 { await Task.yield() }
        let error = await #expect(throws: MessagingError.self) { try await pull.next(within: .milliseconds(20)) }
        #expect(error?.code == .timeout)
        #expect(error?.message == "nothing has come from greetings within 0.02 seconds")
        for connection in [sender, receiver] { await connection.close() }
    }

    @Test func inMemoryStepByStep() async throws {
        let broker = MemoryBroker(options: MemoryBroker.Options(mode: .stepped))
        try await publishOneReadOne(on: broker, broker.connect(name:)) {
            #expect(broker.pending.map(\.dispatch.destination) == [.queue(Self.queue)])
            broker.stepAll()
        }
    }

    @Test(arguments: [MemoryBroker.Mode.immediate, .stepped]) func onSockets(_ mode: MemoryBroker.Mode) async throws {
        let broker = MemoryBroker(options: MemoryBroker.Options(mode: mode))
        try await withServer(broker, listeners: [.mqtt(host: "::1", port: 0)]) { _, port in
            func connect(_ name: String) async throws -> any Connection {
                try await MQTTConnection.connect(
                    MQTTOptions(servers: [.init(host: "::1", port: port)], connection: ConnectionOptions(name: name))
                )
            }
            try await publishOneReadOne(on: broker, connect) {
                if mode == .stepped { while broker.step() == nil { await Task.yield() } }
            }
        }
    }
}
