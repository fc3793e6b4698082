import IntegrationSupport
import Martlet
import MartletTesting
import MartletTransport
import Testing

@testable import MartletRedis

/// What goes back to a queue comes in its old order to whoever takes it.
@Suite(.timeLimit(.minutes(10))) struct QueueOrderTests {
    /// Who lets its deliveries go after it has left gets none of them again. Otherwise the server gives it the first,
    /// and the others to those who wait behind it.
    @Test func whatIsLetGoOnLeavingGoesBackTogether() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { leaving in
            try await withRedis(on: port) { staying in
                for _ in 0..<20 {
                    let queue = QueueName(unique("leaving"))
                    let first = try await leaving.consume(from: queue, options: ConsumeOptions(prefetch: 8))
                    for number in 0..<4 { try await staying.send(Message("\(number)"), to: queue) }
                    let held = try await take(4, from: first)
                    let second = try await staying.consume(from: queue)
                    leaving.session.loop.execute {
                        // The loop looks at what was told only after this: at all of it at once.
                        try? held[0].ack()
                        first.finish()
                        for delivery in held[1...] { try? delivery.nack(requeue: true) }
                    }
                    var texts: [String] = []
                    while texts.count < 3 {
                        let delivery = try #require(try await second.next())
                        texts.append(delivery.message.text ?? "")
                        #expect(delivery.redeliveries == 1)
                        try delivery.ack()
                    }
                    #expect(texts == ["1", "2", "3"])
                    second.finish()
                }
            }
        }
    }

    /// In whatever order they are let go, and whoever takes them meanwhile.
    @Test func whatOneByOneGoesBackFindsItsPlace() async throws {
        let port = try await RedisServer.shared().port
        let queue = QueueName(unique("places"))
        try await withRedis(on: port) { redis in
            // It has no room for what it gives back, as long as it holds so many.
            let consumer = try await redis.consume(from: queue, options: ConsumeOptions(prefetch: 5))
            for number in 0..<5 { try await redis.send(Message("\(number)"), to: queue) }
            var held: [String: Delivery] = [:]
            while held.count < 5 {
                let delivery = try #require(try await consumer.next())
                held[delivery.message.text ?? ""] = delivery
            }
            for text in ["3", "0", "4", "2", "1"] { try held.removeValue(forKey: text)?.nack(requeue: true) }
            consumer.finish()
            while let again = consumer.nextIfReady() { try again.nack(requeue: true) }
            let heir = try await redis.consume(from: queue)
            var texts: [String] = []
            while texts.count < 5 {
                let delivery = try #require(try await heir.next())
                texts.append(delivery.message.text ?? "")
                try delivery.ack()
            }
            #expect(texts == (0..<5).map(String.init))
            heir.finish()
        }
    }

    /// What goes back by one script after the other, before anything of it is taken again.
    @Test func whatFollowsGoesBehindWhatWentBackBefore() async throws {
        let port = try await RedisServer.shared().port
        let queue = QueueName(unique("behind"))
        try await withRedis(on: port) { redis in
            let consumer = try await redis.consume(from: queue, options: ConsumeOptions(prefetch: 4))
            for number in 0..<4 { try await redis.send(Message("\(number)"), to: queue) }
            let held = try await take(4, from: consumer)
            redis.session.loop.execute { [session = redis.session] in
                for delivery in held {
                    try? delivery.nack(requeue: true)
                    session.assumeIsolated { $0.consumers.settle($0) }
                }
            }
            let again = try await take(4, from: consumer)
            #expect(again.map(\.message.text) == ["0", "1", "2", "3"])
            for delivery in again { try delivery.ack() }
            consumer.finish()
        }
    }

    @Test func aThousandThatAreLetGoKeepTheirOrder() async throws {
        let port = try await RedisServer.shared().port
        let queue = QueueName(unique("many"))
        try await withRedis(on: port) { redis in
            let consumer = try await redis.consume(from: queue, options: ConsumeOptions(prefetch: 1_000))
            for number in 0..<1_000 { try await redis.send(Message("\(number)"), to: queue) }
            let held = try await take(1_000, from: consumer)
            let heir = try await redis.consume(from: queue, options: ConsumeOptions(prefetch: 10))
            consumer.finish()
            for delivery in held.shuffled() { try delivery.nack(requeue: true) }
            for number in 0..<1_000 {
                let delivery = try #require(try await heir.next())
                #expect(delivery.message.text == "\(number)")
                try delivery.ack()
            }
            heir.finish()
        }
    }

    private func take(_ count: Int, from subscription: Subscription) async throws -> [Delivery] {
        var deliveries: [Delivery] = []
        while deliveries.count < count { deliveries.append(try #require(try await subscription.next())) }
        return deliveries
    }

    @Test func whoLeavesHasLeftBeforeWhatIsTakenWithIt() {
        let box = SettlementBox()
        let entry = SettledDelivery(consumer: 1, tag: 1, disposition: .requeue)
        let rings = [box.add(entry), box.addLeaving(1), box.add(entry), box.addLeaving(1)]
        #expect(rings == [true, false, false, false], "the loop is told once")
        let content = box.takeAll()
        #expect(content.settled.count == 2)
        #expect(content.left == [1])
        let again = [box.addLeaving(2), box.add(entry)]
        #expect(again == [true, false])
    }
}
