import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

@Suite struct Scratch {
    @Test func order() async throws {
        let broker = try await RabbitMQServer.shared()
        for kind in [AMQPQueue.Kind.quorum, .classic] {
            var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: broker.port)])
            options.queueKind = kind
            try await AMQPConnection.withConnection(options) { connection in
                let queue = QueueName("order-\(kind.rawValue)")
                let consumer = try await connection.consume(from: queue, options: ConsumeOptions(prefetch: 1))
                for text in ["a", "b"] { try await connection.send(Message(text), to: queue) }
                for _ in 0..<6 {
                    let delivery = try await consumer.next()!
                    print("GOT", kind.rawValue, delivery.message.text!, delivery.redeliveries)
                    try delivery.nack(requeue: true)
                }
            }
        }
    }
}
