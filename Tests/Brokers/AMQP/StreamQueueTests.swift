import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A queue that is a stream: it comes in chunks, whatever the prefetch is, and the broker ends the connection of who puts
/// something back.
@Suite(.timeLimit(.minutes(10))) struct StreamQueueTests {
    private func withStream(
        _ body: (AMQPConnection, AMQPConnection, QueueName) async throws -> Void
    ) async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { writer in
            var stream = AMQPQueue(unique("stream"))
            stream.kind = .stream
            try await writer.declare(stream)
            try await withAMQP(port: port) { try await body($0, writer, QueueName(stream.name)) }
            #expect(writer.statistics.linkFailures == 0)
            try await writer.deleteQueue(stream.name)
        }
    }

    private func fill(_ stream: QueueName, _ count: Int, by writer: AMQPConnection) async throws {
        var confirmations: [Martlet.Confirmation] = []
        for number in 0..<count {
            let message = Message("\(number)")
            confirmations.append(try await writer.beginSending(message, to: stream, options: SendOptions()))
        }
        for confirmation in confirmations { try await confirmation.wait() }
    }

    @Test func itIsNoQueueOfTheVerbs() async throws {
        try await withStream { reader, writer, stream in
            // To send to it is no problem.
            try await fill(stream, 10, by: writer)
            for connection in [reader, writer] {
                let code = await errorCode { _ = try await connection.consume(from: stream) }
                #expect(code == .unsupported)
            }
            #expect(reader.statistics.linkFailures == 0)
            #expect(await reader.session.holdings.channels <= 2)
        }
    }

    /// Who does not learn before what it is finds out by its chunks. The link is not to blame.
    @Test func oneThatIsFoundOutLateEndsItsConsumerAlone() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.behave { frame in
                guard frame.method == 0x003C_0014 else { return }
                for tag in 1...100 {
                    let value = Array("l".utf8) + FakePeer.long(0) + FakePeer.long(tag)
                    let offset = FakePeer.text("x-stream-offset") + value
                    // Headers alone.
                    let properties = [0x20, 0] + FakePeer.long(offset.count) + offset
                    let delivery = FakePeer.delivery(
                        frame.channel,
                        consumer: FakePeer.consumer(frame),
                        tag: tag,
                        properties: properties,
                        [1]
                    )
                    try await peer.send(delivery)
                }
            }
        } _: { fake in
            try await withAMQP(port: fake.port) { reader in
                let consumer = try await reader.consume(from: "stream", options: ConsumeOptions(prefetch: 4))
                var held: [Delivery] = []
                let error = await #expect(throws: MessagingError.self) {
                    while let delivery = try await consumer.next() { held.append(delivery) }
                }
                #expect(error?.code == .unsupported, "after \(held.count): \(error?.message ?? "")")
                #expect(try await reader.declare(AMQPQueue("still here")).consumers == 0)
                #expect(reader.statistics.linkFailures == 0)
            }
        }
    }

    @Test func aChannelReadsItAndLeavesIt() async throws {
        try await withStream { reader, writer, stream in
            try await fill(stream, 2_000, by: writer)
            try await reader.withChannel { channel in
                let options = AMQPConsumeOptions(prefetch: 10, arguments: ["x-stream-offset": "first"])
                let consumer = try await channel.consume(from: stream.text, options: options)
                for number in 0..<500 {
                    let delivery = try #require(try await consumer.next())
                    #expect(delivery.message.body == Array("\(number)".utf8))
                    try delivery.ack()
                }
                // More are under way.
                consumer.cancel()
                let none = try await reader.declare(AMQPQueue("", isDurable: false, isExclusive: true))
                #expect(try await channel.get(from: none.name) == nil)
            }
            #expect(reader.statistics.linkFailures == 0)
        }
    }
}
