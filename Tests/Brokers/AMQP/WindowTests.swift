import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A broker that is slow to confirm, or to read: who waits for it, and who does not.
@Suite(.timeLimit(.minutes(10))) struct WindowTests {
    @Test func aFullWindowHoldsUpNobodyElse() async throws {
        try await TCPProxy.withProxy(to: RabbitMQServer.shared().port) { proxy in
            try await withAMQP(port: RabbitMQServer.shared().port) { reader in
                try await withAMQP(port: proxy.port, { $0.maximumUnconfirmed = 1 }) { sender in
                    let (queue, topic) = (AMQPQueue(unique("window"), isAutoDeleted: true), TopicName(unique("window")))
                    try await reader.declare(queue)
                    let consumer = try await reader.consume(from: QueueName(queue.name))
                    let subscription = try await reader.subscribe(to: TopicPattern(topic))
                    let channels = [try await sender.openChannel(), try await sender.openChannel()]
                    // From now on it knows that the queue exists.
                    try await sender.send(Message("known"), to: QueueName(queue.name))
                    try #require(try await consumer.next()).ack()

                    proxy.set(.stall, .toClient)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<3 {
                            group.addTask { try await sender.send(Message("verb"), to: QueueName(queue.name)) }
                            group.addTask {
                                try await channels[0].publish(AMQPMessage("full \(number)"), routingKey: queue.name)
                            }
                        }
                        // One of each is under way, and the others wait for its confirmation.
                        try await until { await sender.session.holdings.waiting == 4 }
                        try await sender.publish(Message("without"), to: topic)
                        #expect(try await subscription.next()?.message.text == "without")
                        group.addTask { try await channels[1].publish(AMQPMessage("other"), routingKey: queue.name) }
                        var seen: Set<String> = []
                        while seen.count < 3 {
                            let delivery = try #require(try await consumer.next())
                            seen.insert(delivery.message.text ?? "")
                            try delivery.ack()
                        }
                        #expect(seen.contains("other") && seen.contains("verb"))
                        #expect(await sender.session.holdings.waiting == 4)
                        proxy.set(.forward)
                        try await group.waitForAll()
                        for _ in 0..<4 { try #require(try await consumer.next()).ack() }
                        #expect(await sender.session.holdings.waiting == 0)
                    }
                }
            }
        }
    }

    @Test func aWindowHasOnlySoManyBytes() async throws {
        try await TCPProxy.withProxy(to: RabbitMQServer.shared().port) { proxy in
            try await withAMQP(port: proxy.port, { $0.maximumUnconfirmedBytes = 100_000 }) { sender in
                let queue = AMQPQueue(unique("bytes"), isExclusive: true)
                try await sender.declare(queue)
                let channel = try await sender.openChannel()
                proxy.set(.stall, .toClient)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            let body = [UInt8](repeating: 0, count: 30_000)
                            try await channel.publish(AMQPMessage(body), routingKey: queue.name)
                        }
                    }
                    try await until { await sender.session.holdings.waiting == 16 }
                    proxy.set(.forward)
                    try await group.waitForAll()
                }
                #expect(try await sender.declare(queue).messages == 20)
            }
        }
    }

    /// Who never asks for a confirmation has none made for it; from the first one asked for on, order stays as it was.
    @Test func theBrokerConfirmsFromTheFirstMessageThatIsToBe() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let topic = TopicName(unique("mixed"))
            let heard = try await broker.subscribe(to: TopicPattern(topic))
            for number in 0..<50 { try await broker.publish(Message("\(number)"), to: topic) }
            for number in 0..<50 { #expect(try await heard.next()?.message.text == "\(number)") }
            #expect(await !broker.session.confirms)
            for number in 50..<100 {
                let guarantee: Guarantee = number.isMultiple(of: 3) ? .atLeastOnce : .atMostOnce
                try await broker.publish(Message("\(number)"), to: topic, options: PublishOptions(guarantee: guarantee))
            }
            for number in 50..<100 { #expect(try await heard.next()?.message.text == "\(number)") }
            #expect(await broker.session.confirms)
        }
    }

    @Test func aPeerThatReadsNothingSuspendsPublishers() async throws {
        try await TCPProxy.withProxy(to: RabbitMQServer.shared().port) { proxy in
            try await withAMQP(port: proxy.port, { $0.maximumUnconfirmed = 64 }) { broker in
                let queue = AMQPQueue(unique("flood"), isExclusive: true)
                try await broker.declare(queue)
                let channel = try await broker.openChannel()
                let body = [UInt8](repeating: 0, count: 10_000)
                proxy.set(.stall)
                let sent = Recorder<Void>()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        while !Task.isCancelled {
                            try await broker.publish(Message(body), to: "flood")
                            sent.signal()
                        }
                    }
                    for _ in 0..<200 {
                        group.addTask { try await channel.publish(AMQPMessage(body), routingKey: queue.name) }
                    }
                    // It is suspended when the count stands still.
                    var last = -1
                    while sent.values.count != last || last < 100 {
                        last = sent.values.count
                        try await Task.sleep(for: .milliseconds(200))
                    }
                    // What the outbox holds (twice 16 MiB, of 10 kB each), and what went into the buffers of sockets.
                    #expect(last < 10_000)
                    let held = await broker.session.holdings
                    // Twice its limit: what the loop has taken, and what waits.
                    #expect(held.inOutbox <= 2 * 1_024 + 201)
                    // A batch, and what the last message of it had too much.
                    #expect(held.backlog <= 300_000)
                    #expect(held.unconfirmed.all <= 64)
                    #expect(held.waiting <= 200)
                    group.cancelAll()
                    while let result = await group.nextResult() {
                        if case .failure(let error) = result, !(error is CancellationError) { throw error }
                    }
                }
                proxy.set(.forward)
            }
        }
    }
}
