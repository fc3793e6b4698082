import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A message that is larger than a connection accepts is refused alone, by whatever way it comes.
@Suite(.timeLimit(.minutes(10))) struct OversizedTests {
    private let large = [UInt8](repeating: 7, count: 3 << 20)

    private func withReader<Result>(_ body: (AMQPConnection, AMQPConnection) async throws -> Result) async throws
        -> Result
    {
        let port = try await RabbitMQServer.shared().port
        return try await withAMQP(port: port) { writer in
            try await withAMQP(port: port, { $0.maximumReceivedBytes = 1 << 20 }) { try await body($0, writer) }
        }
    }

    @Test func inAQueueItBecomesADeadLetter() async throws {
        try await withReader { reader, writer in
            let dead = AMQPQueue(unique("dead"), isExclusive: true)
            try await writer.declare(dead)
            var queue = AMQPQueue(unique("large"))
            queue.deadLetterExchange = ""
            queue.deadLetterRoutingKey = dead.name
            try await writer.declare(queue)
            let name = QueueName(queue.name)
            for body in [Array("1".utf8), large, Array("2".utf8)] { try await writer.send(Message(body), to: name) }
            let jobs = try await reader.consume(from: name)
            for number in 1...2 {
                let job = try #require(try await jobs.next())
                #expect(job.message.text == "\(number)")
                try job.ack()
            }
            let letters = try await writer.withChannel { try await $0.consume(from: dead.name).next() }
            #expect(letters?.message.body.count == large.count)
            #expect(reader.statistics.oversized == 1)
            #expect(reader.statistics.linkFailures == 0)
            try await writer.deleteQueue(queue.name)
        }
    }

    @Test func ofATopicItIsLeftOut() async throws {
        try await withReader { reader, writer in
            let topic = TopicName(unique("large"))
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            for body in [Array("1".utf8), large, Array("2".utf8)] { try await writer.publish(Message(body), to: topic) }
            for number in 1...2 { #expect(try await subscription.next()?.message.text == "\(number)") }
            #expect(reader.statistics.oversized == 1 && reader.statistics.linkFailures == 0)
        }
    }

    @Test func asAReplyItEndsItsCall() async throws {
        try await withReader { reader, writer in
            let name = QueueName(unique("large"))
            let node = Node("large", on: writer) { [large] in
                Respond(to: name) { $0.text == "large" ? Message(large) : $0 }
            }
            try await node.whileRunning {
                let code = await errorCode {
                    _ = try await reader.call(name, Message("large"), timeout: .seconds(100))
                }
                #expect(code == .bodyTooLarge)
                let small = try await reader.call(name, Message("small"))
                #expect(small.text == "small")
                #expect(reader.statistics.linkFailures == 0)
            }
        }
    }

    @Test func byTheChannelsOfTheNativeInterfaceAsWell() async throws {
        try await withReader { reader, writer in
            let queue = AMQPQueue(unique("large"))
            try await writer.declare(queue)
            try await writer.withChannel { channel in
                for body in [large, large, Array("x".utf8)] {
                    try await channel.publish(AMQPMessage(body), routingKey: queue.name)
                }
            }
            try await reader.withChannel { channel in
                let code = await errorCode { _ = try await channel.get(from: queue.name) }
                #expect(code == .bodyTooLarge)
                let consumer = try await channel.consume(from: queue.name)
                let delivery = try #require(try await consumer.next())
                #expect(delivery.message.body == Array("x".utf8))
                try delivery.ack()
            }
            #expect(reader.statistics.oversized == 2 && reader.statistics.linkFailures == 0)
            #expect(try await writer.deleteQueue(queue.name) == 0)
        }
    }
}
