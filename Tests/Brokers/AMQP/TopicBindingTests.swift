import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// Names as AMQP has them.
@Suite(.timeLimit(.minutes(10))) struct TopicBindingTests {
    @Test(
        arguments: [
            ("a.b", ["a.b"]), ("a.*.#", ["a.*.#"]), ("#", ["#"]), ("*", ["*", ""]), ("*.#", ["*.#", ""]), ("", [""]),
            (".#", [".#", ""]), ("%2A.b", ["%2A.b"]), ("%252A.b", ["*.b"]), ("a.%2523", ["a.*"]),
            ("a%2Eb.*", ["a%2Eb.*"]),
        ] as [(String, [String])]
    )
    func aPatternIsBoundByKeys(pattern: String, keys: [String]) {
        #expect(TopicBinding(TopicPattern(pattern)).keys == keys)
    }

    /// Keys as foreign peers write them.
    private static let keys = [
        "", "a", "a..b", ".", "a b", "*", "#", "a.*", "a.#", "a+b", "sensor.1.", "$x", "$x.y", "%2A", "a.%2A.b",
        "caf\u{E9}",
        "cafe\u{301}", "a/b",
    ]

    /// RabbitMQ's own idea of words and wildcards is not ours; what comes is.
    @Test(arguments: [
        "#", "*", "*.#", "a.#", "a.*", "*.*", "%252A", "%2523", "a.%252A", "a.%2523", "%252A.#", "a.%252A.#", "", ".#",
        ".",
        "$x.#", "$x.*", "%2A", "a.*.b", "caf\u{E9}", "sensor.*.",
    ])
    func whatComesIsWhatThePatternMatches(pattern: String) async throws {
        let server = try await RabbitMQServer.shared()
        try await withAMQP(port: server.port) { connection in
            // An exchange of its own, where nobody else publishes.
            let exchange = unique("names")
            try await connection.declare(AMQPExchange(exchange, kind: .topic, isAutoDeleted: true))
            try await withAMQP(port: server.port, { $0.exchange = exchange }) { reader in
                let pattern = TopicPattern(pattern)
                let subscription = try await reader.subscribe(to: pattern)
                let expected = Self.keys.filter { TopicName($0, in: .dotted).map(pattern.matches) ?? false }
                try await connection.withChannel(confirms: true) { channel in
                    for key in Self.keys {
                        try await channel.publish(AMQPMessage(key), to: exchange, routingKey: key)
                    }
                }
                // Of what matches nothing is left out, and nothing else comes between: once as it came, and once by the
                // name under which it came.
                var topics: [TopicName] = []
                for key in expected {
                    let delivery = try #require(try await subscription.next())
                    #expect(delivery.message.text?.hasSameBytes(as: key) == true, "\(delivery) for \(key)")
                    #expect(delivery.topic.text(in: .dotted).hasSameBytes(as: key))
                    topics.append(delivery.topic)
                }
                for topic in topics { try await reader.publish(Message(topic.text), to: topic) }
                for topic in topics {
                    let delivery = try #require(try await subscription.next())
                    #expect(delivery.message.text?.hasSameBytes(as: topic.text) == true)
                    #expect(delivery.topic == topic)
                }
            }
        }
    }

    /// A key that is not UTF-8 has no name.
    @Test func whatHasNoNameIsCountedAndSkipped() throws {
        var delivery = ServerMethod.Delivery(consumer: "", tag: 1, isRedelivered: false, exchange: "", routingKey: "a")
        #expect(delivery.topic == "a")
        delivery.isKeyText = false
        #expect(delivery.topic == nil)
        delivery = ServerMethod.Delivery(consumer: "", tag: 1, isRedelivered: false, exchange: "", routingKey: "a\u{0}")
        #expect(delivery.topic == nil)
    }

    /// What is made of a name has to fit, too, and it is said at once on both sides.
    @Test func aNameOfWhichTooLongOnesAreMadeIsAnErrorOnBothSides() async throws {
        let server = try await RabbitMQServer.shared()
        try await withAMQP(port: server.port) { connection in
            let longest = QueueName(String(repeating: "a", count: 247))
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
                group.addTask { try await connection.respond(to: longest, onReady: { isReady.yield() }) { $0 } }
                for await _ in ready { break }
                let reply = try await connection.call(longest, Message("x"))
                #expect(reply.text == "x")
                group.cancelAll()
            }
            for count in [248, 250, 255, 256] {
                let name = QueueName(String(repeating: "a", count: count))
                for call in [
                    { _ = try await connection.call(name, Message("x")) },
                    { try await connection.respond(to: name) { $0 } },
                ] as [@Sendable () async throws -> Void] {
                    let error = await #expect(throws: MessagingError.self) { try await call() }
                    #expect(error?.code == .invalidQueue)
                    #expect(error?.message.contains("AMQP allows 255") == true, "\(error?.message ?? "")")
                }
            }
            let action = Action<Int, Int, Int>(QueueName(String(repeating: "a", count: 240)))
            #expect(await errorCode { try await connection.perform(action) { _ in 1 } } == .invalidQueue)
            #expect(await errorCode { _ = try await connection.send(1, to: action) } == .invalidQueue)
            let node = Node(String(repeating: "n", count: 245), on: connection) {}
            #expect(await errorCode { try await node.run() } == .invalidArgument)
        }
    }

    /// Two queues whose names look alike: knowing the one is not knowing the other.
    @Test func queuesThatLookAlikeAreTwo() async throws {
        let server = try await RabbitMQServer.shared()
        try await withAMQP(port: server.port) { connection in
            let mark = unique("alike")
            let names = ["caf\u{E9}", "cafe\u{301}"].map { QueueName(segments: [mark, $0]) }
            for name in names { try await connection.send(Message(name.text), to: name) }
            for name in names {
                let queue = try await connection.consume(from: name)
                let delivery = try #require(try await queue.next())
                #expect(delivery.message.text?.utf8.elementsEqual(name.text.utf8) == true)
                try delivery.ack()
                _ = try await connection.deleteQueue(name.text)
            }
        }
    }
}
