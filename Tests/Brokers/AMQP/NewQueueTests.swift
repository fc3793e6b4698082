import IntegrationSupport
import Martlet
import MartletAMQP
import Testing

/// A queue that two connections declare at the same moment: one that consumes it and one that sends to it.
@Suite(.timeLimit(.minutes(10))) struct NewQueueTests {
    /// RabbitMQ says of a quorum queue that it is there before it takes messages.
    @Test func whatIsSentFirstArrivesFirst() async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port, { _ in }) { sender in
            try await withAMQP(port: port, { _ in }) { receiver in
                for _ in 0..<40 {
                    let queue = QueueName(unique("new"))
                    async let consuming = receiver.consume(from: queue)
                    var confirmations: [Martlet.Confirmation] = []
                    for number in 0..<6 {
                        confirmations.append(
                            try await sender.beginSending(Message("\(number)"), to: queue, options: SendOptions())
                        )
                    }
                    for confirmation in confirmations { try await confirmation.wait() }
                    let consumer = try await consuming
                    var texts: [String] = []
                    while texts.count < 6, let delivery = try await consumer.next() {
                        texts.append(delivery.message.text ?? "?")
                        try delivery.ack()
                    }
                    #expect(texts == (0..<6).map(String.init))
                    try await sender.deleteQueue(queue.text)
                }
            }
        }
    }
}
