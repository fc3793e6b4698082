import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// What travels beside the body comes out as it went in.
@Suite(.timeLimit(.minutes(10))) struct PropertiesTests {
    @Test(arguments: [1, 2, 3, 4, 5]) func propertiesAndTablesSurvive(_ seed: UInt64) async throws {
        var random = RandomProperties(seed: seed)
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let queue = AMQPQueue(unique("properties"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            for _ in 0..<60 {
                let properties = random.next()
                try await channel.publish(AMQPMessage([1], properties: properties), routingKey: queue.name)
                let delivery = try #require(try await channel.get(from: queue.name, noAck: true))
                #expect(delivery.message.properties == properties)
            }
        }
    }

    /// RabbitMQ routes by these two: as texts it refuses them, and as anything else they would have a message go elsewhere.
    @Test(arguments: ["CC", "BCC"], ["{\"a\":1}", "plain", ""])
    func headersThatTheBrokerTakesForItsOwnArrive(_ name: String, _ body: String) async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let (queue, elsewhere) = (QueueName(unique("headers")), AMQPQueue(unique("elsewhere"), isExclusive: true))
            let topic = TopicName(unique("headers"))
            try await broker.declare(elsewhere)
            let headers: Headers = [name: .string(elsewhere.name), "other": "kept"]
            let heard = try await broker.subscribe(to: TopicPattern(topic))
            // What has no guarantee goes by the same channel, and would be lost with it.
            for number in 0..<20 {
                try await broker.publish(Message("\(number)"), to: topic)
                try await broker.publish(Message(body, headers: headers), to: topic)
            }
            for number in 0..<20 {
                #expect(try await heard.next()?.message.text == "\(number)")
                let message = try #require(try await heard.next()).message
                #expect(message.text ?? "" == body)
                #expect(message.headers[name]?.string == elsewhere.name)
                #expect(message.headers["other"]?.string == "kept")
            }
            try await broker.send(Message(body, headers: headers), to: queue)
            let sent = try #require(try await broker.consume(from: queue).next())
            #expect(sent.message.text ?? "" == body && sent.message.headers[name]?.string == elsewhere.name)
            try sent.ack()
            #expect(try await broker.declare(elsewhere, passive: true).messages == 0)
            #expect(broker.statistics.refused == 0)
            try await broker.deleteQueue(queue.text)
        }
    }

    @Test func whatAMQPCannotCarryIsAnError() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let channel = try await broker.openChannel()
            let long = String(repeating: "x", count: 256)
            var deep = AMQPValue.array([])
            for _ in 0..<100 { deep = .array([deep]) }
            for properties in [
                AMQPProperties(contentType: long), AMQPProperties(headers: [long: 1]),
                // RabbitMQ would close the channel.
                AMQPProperties(headers: ["CC": "x"]), AMQPProperties(headers: ["BCC": 1]),
                AMQPProperties(headers: ["deep": deep]), AMQPProperties(expiration: "soon"),
                AMQPProperties(headers: ["large": .bytes(Array(repeating: 0, count: 200_000))]),
            ] {
                let code = await errorCode {
                    try await channel.publish(AMQPMessage("x", properties: properties), routingKey: "x")
                }
                #expect(code == .invalidArgument)
            }
            // The channel lives on.
            try await channel.publish(AMQPMessage("x"), routingKey: "x")
        }
    }
}
