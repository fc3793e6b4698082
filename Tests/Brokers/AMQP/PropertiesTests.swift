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

    @Test func whatAMQPCannotCarryIsAnError() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let channel = try await broker.openChannel()
            let long = String(repeating: "x", count: 256)
            var deep = AMQPValue.array([])
            for _ in 0..<100 { deep = .array([deep]) }
            for properties in [
                AMQPProperties(contentType: long), AMQPProperties(headers: [long: 1]),
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
