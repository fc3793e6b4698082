import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A queue that is a stream: it comes in chunks, whatever the prefetch is, and the broker ends the connection of who puts
/// something back.
@Suite(.timeLimit(.minutes(10))) struct StreamQueueTests {
    private func withStream(
        arguments: AMQPTable = [:],
        _ configure: (inout AMQPOptions) -> Void = { _ in },
        _ body: (AMQPConnection, AMQPConnection, QueueName) async throws -> Void
    ) async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { writer in
            var stream = AMQPQueue(unique("stream"), arguments: arguments)
            stream.kind = .stream
            try await writer.declare(stream)
            try await withAMQP(port: port, configure) { try await body($0, writer, QueueName(stream.name)) }
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

    /// What a broker refuses a declaration for is the first thing that differs, which need not be what the queue is made of.
    @Test(arguments: [true, false], [AMQPTable(), ["x-max-length-bytes": 100_000_000, "x-max-age": "1h"]])
    func itIsKnownHoweverItWasDeclared(_ declaresDurable: Bool, _ arguments: AMQPTable) async throws {
        try await withStream(arguments: arguments) {
            $0.queuesAreDurable = declaresDurable
        } _: { reader, _, stream in
            let code = await errorCode { _ = try await reader.consume(from: stream) }
            #expect(code == .unsupported)
            #expect(reader.statistics.linkFailures == 0)
        }
    }

    @Test func otherQueuesAreKnownToBeNone() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let full: AMQPTable = ["x-max-length": 5, "x-max-length-bytes": 1_000, "x-dead-letter-exchange": "dead"]
            for arguments: AMQPTable in [[:], full, ["x-queue-type": "quorum"], ["x-queue-type": "classic"]] {
                let queue = AMQPQueue(unique("queue"), arguments: arguments)
                try await broker.declare(queue)
                #expect(await broker.session.isStream(queue.name) == false, "\(arguments)")
                try await broker.deleteQueue(queue.name)
                #expect(await broker.session.isStream(queue.name) == nil, "there is none, and none is made")
            }
            let passing = AMQPQueue(unique("queue"), isDurable: false, isExclusive: true)
            try await broker.declare(passing)
            #expect(await broker.session.isStream(passing.name) == false)
            #expect(broker.statistics.linkFailures == 0)
        }
    }

    /// A queue that is deleted while it is asked about is not made.
    @Test func toAskMakesNoQueue() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let name = unique("queue")
            let methods = StreamQuestion(name).methods
            // As if it were deleted after the first, and then whether it is there.
            for method in methods + methods.prefix(1) {
                let code = await errorCode { _ = try await broker.session.askAlone([method]) }
                #expect(code == .refused)
            }
        }
    }

    /// A delivery that came when its consumer had left goes back to its queue, also one that was copied from a stream; but none
    /// goes back into a stream. The same goes for one that is larger than what is taken in.
    @Test(arguments: ["quorum", "stream"], [true, false])
    func whatNobodyReadsGoesBackWhereThatIsPossible(_ kind: String, _ hasLeft: Bool) async throws {
        let settled = Recorder<UInt32>()
        try await FakeBroker.withBroker { peer, _ in
            var declarations = 0
            while true {
                let frame = try await peer.receive()
                switch frame.method {
                case 0x0032_000A:
                    declarations += 1
                    if declarations == 1 {
                        try await peer.answer(frame)
                    } else {
                        let reason = "inequivalent arg 'x-queue-type': received 'classic' but current is '\(kind)'"
                        let close = FakePeer.word(406) + FakePeer.text(reason) + FakePeer.word(50) + FakePeer.word(10)
                        try await peer.send(FakePeer.method(frame.channel, 20, 40, close))
                    }
                case 0x003C_0014 where !hasLeft, 0x003C_001E:
                    try await peer.answer(frame)
                    let left = String(decoding: frame.arguments.dropFirst().dropLast(), as: UTF8.self)
                    let consumer = hasLeft ? left : FakePeer.consumer(frame)
                    for tag in 1...2 {
                        let bytes = hasLeft ? 1 : 2_000
                        try await peer.send(copy(to: consumer, on: frame.channel, tag: tag, bytes: bytes))
                    }
                // basic.ack and basic.nack.
                case 0x003C_0050, 0x003C_0078: settled.record(frame.method ?? 0)
                default: try await peer.answer(frame)
                }
            }
        } _: { fake in
            try await withAMQP(port: fake.port) {
                $0.maximumReceivedBytes = 1_000
            } _: { broker in
                try await broker.withChannel { channel in
                    let consumer = try await channel.consume(from: "q")
                    if hasLeft { consumer.cancel() }
                    let expected: UInt32 = kind == "stream" ? 0x003C_0050 : 0x003C_0078
                    #expect(try await settled.wait(for: 2) == [expected, expected])
                    consumer.cancel()
                }
                #expect(broker.statistics.linkFailures == 0)
            }
        }
    }

    /// A delivery that has a stream's header.
    private func copy(to consumer: String, on channel: UInt16, tag: Int, bytes: Int) -> [UInt8] {
        let offset = FakePeer.text("x-stream-offset") + Array("l".utf8) + FakePeer.long(0) + FakePeer.long(tag)
        return FakePeer.delivery(
            channel,
            consumer: consumer,
            tag: tag,
            properties: [0x20, 0] + FakePeer.long(offset.count) + offset,
            Array(repeating: 1, count: bytes)
        )
    }

    /// Who does not learn before what it is finds out by its chunks. The link is not to blame.
    @Test func oneThatIsFoundOutLateEndsItsConsumerAlone() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.behave { frame in
                guard frame.method == 0x003C_0014 else { return }
                for tag in 1...100 {
                    try await peer.send(copy(to: FakePeer.consumer(frame), on: frame.channel, tag: tag, bytes: 1))
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

extension AMQPSession {
    /// Whether a queue is a stream; `nil`: it can't be told.
    fileprivate func isStream(_ queue: String) async -> Bool? {
        await withCheckedContinuation { continuation in
            attend { askWhetherStream(StreamQuestion(queue)) { continuation.resume(returning: $0) } }
        }
    }
}
