import IntegrationSupport
import Martlet
import MartletAMQP
import MartletBrokers
import MartletMQTT
import MartletRedis
import Testing

@Suite("A broker's URL", .timeLimit(.minutes(10)))
struct URLTests {
    private let doors = Topic<String>("urls.door")

    // MARK: Embedded brokers

    @Test("of an embedded broker leads to the one of its name")
    func findsEmbedded() async throws {
        let here = try await connect(to: "memory:urls-one")
        let there = try await connect(to: "memory://urls-one", connection: ConnectionOptions(name: "there"))
        let elsewhere = try await connect(to: "memory:urls-two")
        let readings = try await here.subscribe(to: doors)
        let others = try await elsewhere.subscribe(to: doors)
        try await elsewhere.publish("elsewhere", to: doors)
        try await there.publish("there", to: doors)
        #expect(try await readings.next()?.value == "there")
        #expect(try await others.next()?.value == "elsewhere")
        #expect(MemoryBroker.named("urls-one").presence.clients.map(\.client.name).contains("there"))
        for connection in [here, there, elsewhere] { await connection.close() }
        #expect(MemoryBroker.named("urls-one").presence.clients.isEmpty)
        #expect(MemoryBroker.named() === MemoryBroker.named(""))
        // It is there after the last one has left.
        try await withConnection(to: "memory:urls-one") { try await $0.send("kept", to: Queue<String>("urls.jobs")) }
        let kept = try await withConnection(to: "memory:urls-one") { broker in
            try await broker.consume(from: Queue<String>("urls.jobs")).next()?.value
        }
        #expect(kept == "kept")
    }

    @Test("closes its connection whether the body returns or throws")
    func closes() async throws {
        struct Stop: Error {}
        let broker = MemoryBroker.named("urls-closing")
        let name = try await withConnection(to: "memory:urls-closing", connection: .init(name: "c")) { _ in
            broker.presence.clients.map(\.client.name)
        }
        #expect(name == ["c"])
        await #expect(throws: Stop.self) { try await withConnection(to: "memory:urls-closing") { _ in throw Stop() } }
        #expect(broker.presence.clients.isEmpty)
    }

    // MARK: Brokers on the network

    private static let brokers: [(kind: String, type: any Connection.Type, parameters: String)] = [
        ("mqtt", MQTTConnection.self, "?client=urls-by-url&keepalive=30s"),
        ("amqp", AMQPConnection.self, "?name=urls-by-url&heartbeat=30"),
        ("redis", RedisConnection.self, "?name=urls-by-url&keepalive=30s"),
    ]

    private static func url(of kind: String) async throws -> String {
        switch kind {
        case "mqtt": "mqtt://127.0.0.1:\(try await MosquittoServer.shared().port)"
        case "amqp": "amqp://guest:guest@127.0.0.1:\(try await RabbitMQServer.shared().port)"
        default: "redis://127.0.0.1:\(try await RedisServer.shared().port)"
        }
    }

    @Test("connects to any kind of broker, with its options", arguments: brokers.indices)
    func connects(index: Int) async throws {
        let (kind, type, parameters) = Self.brokers[index]
        let url = try await Self.url(of: kind) + parameters
        let queue = QueueName("urls.\(kind).jobs")
        let options = ConnectionOptions(name: "urls-by-options", codecs: Codecs(writer: MessagePackCodec()))
        let received = try await withConnection(to: url, connection: options) { broker in
            #expect(Swift.type(of: broker) == type)
            // What the URL says counts; what it does not, the options say.
            #expect(broker.runtime.name == "urls-by-url")
            let jobs = try await broker.consume(from: queue)
            try await broker.send(42, to: Queue<Int>(queue))
            let job = try #require(try await jobs.next())
            try job.ack()
            return job.message
        }
        #expect(received.headers.contentType == "application/msgpack")
        #expect(received.body == [42])
    }

    private func roundTrip<Broker: BrokerConnection>(_ type: Broker.Type, _ url: String) async throws -> Int? {
        let queue = Queue<Int>("urls.typed.jobs")
        let broker = try await Broker.connect(to: url)
        try await broker.send(7, to: queue)
        await broker.close()
        return try await Broker.withConnection(to: url) { broker in
            let job = try await broker.consume(from: queue).next()
            try job?.ack()
            return job?.value
        }
    }

    @Test("connects a program that has its kind of broker as a type")
    func connectsByType() async throws {
        #expect(try await roundTrip(AMQPConnection.self, Self.url(of: "amqp")) == 7)
        #expect(try await roundTrip(RedisConnection.self, Self.url(of: "redis")) == 7)
        try await MQTTConnection.withConnection(to: Self.url(of: "mqtt")) { broker in
            let readings = try await broker.subscribe(to: doors)
            try await broker.publish("typed", to: doors)
            #expect(try await readings.next()?.value == "typed")
        }
    }

    // MARK: Errors

    @Test(
        "that is wrong is an error without its password",
        arguments: [
            (
                "kafka://u:hunter2@h",
                "there is no broker \"kafka:\"; a URL of one begins with memory:, mqtt:, mqtts:, amqp:"
            ),
            ("KAFKA://u:hunter2@h", "there is no broker \"KAFKA:\""),
            ("hunter2", "it is no URL of a broker; one begins with memory:, mqtt:"), ("", "it is no URL of a broker"),
            ("hunter2:x", "it is no URL of a broker"), ("memory", "it is no URL of a broker"),
            ("memory:a/hunter2", "behind memory: stands nothing, or a name"),
            ("memory:a?x=hunter2", "behind memory: stands nothing, or a name"),
            ("memory://u:hunter2@h", "behind memory: stands nothing, or a name"),
            ("mqtt://u:hunter2@", "names no host"), ("mqtt:hunter2", "begins with a scheme and ://"),
            ("mqtt://u:hunter2@h?pasword=hunter2", "does not know the option"),
            ("amqp://u:hunter2@h?heartbeat=soon", "heartbeat"),
            ("redis://u:hunter2@h/notanumber?password=x", "the path \"/notanumber\""),
            ("rediss://u:hunter2@h?verify=some", "verify"),
        ]
    )
    func refuses(url: String, message: String) async {
        let error = await #expect(throws: MessagingError.self) { try await connect(to: url) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.description.contains("hunter2") == false, "\(error?.description ?? "")")
    }

    @Test(
        "of a broker that is not there fails as the connection of its kind does",
        arguments: ["mqtt", "amqp", "redis"]
    )
    func fails(scheme: String) async throws {
        let port = try ReservedPort()
        let error = await #expect(throws: MessagingError.self) {
            try await connect(to: "\(scheme)://u:hunter2@127.0.0.1:\(port.number)")
        }
        #expect(error?.code == .connectionLost)
        #expect(error?.description.contains("hunter2") == false)
    }
}
