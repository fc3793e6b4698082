import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// Queues keep what they promise whatever happens to the server, the link, or a consumer.
@Suite(.timeLimit(.minutes(10))) struct QueueFaultTests {
    @Test func whatADeadConsumerHeldComesToAnother() async throws {
        let port = try await RedisServer.shared().port
        let queue = QueueName(unique("dead"))
        // The heir looks as often as its own lease asks.
        try await withRedis(on: port) {
            $0.lease = .seconds(3)
        } _: { redis in
            try await TCPProxy.withProxy(to: port) { proxy in
                let dying = try await withoutClosing(port: proxy.port)
                let held = try await dying.consume(from: queue, options: ConsumeOptions(prefetch: 1_000))
                for number in 0..<1_000 { try await redis.send(Message("\(number)"), to: queue) }
                var deliveries: [Delivery] = []
                while deliveries.count < 1_000 { deliveries.append(try #require(try await held.next())) }
                // From now on it is as good as dead: nothing that it does reaches the server.
                try await proxy.refuseConnections()
                try await proxy.cut()
                let heir = try await redis.consume(from: queue, options: ConsumeOptions(prefetch: 100))
                for number in 0..<1_000 {
                    let delivery = try #require(try await heir.next())
                    #expect(delivery.message.text == "\(number)")
                    #expect(delivery.redeliveries == 1)
                    try delivery.ack()
                }
                await dying.close()
                withExtendedLifetime(deliveries) {}
                heir.finish()
            }
            try await expectNoKeys(of: queue, redis)
        }
    }

    /// Whoever may not end the socket of a dead consumer says that the server may go on giving messages to it.
    @Test(arguments: ["-client|list", "-client|kill"])
    func aDeadConsumersSocketThatCannotBeEndedIsTold(_ missing: String) async throws {
        try await RedisServer.withServer { server in
            try await server.command("ACL", "SETUSER", "weak", "on", ">s3sam3", "+@all", missing, "~*", "&*")
            let logs = LogRecorder()
            try await TCPProxy.withProxy(to: server.port) { proxy in
                // It finds out that it is dead no sooner than the test has ended.
                let dying = try await redis(on: proxy.port) { options in
                    options.lease = .seconds(3)
                    options.responseTimeout = .seconds(900)
                }
                let held = try await dying.consume(from: "jobs")
                try await until { try await server.command("CLIENT", "LIST").contains("cmd=blmove") }
                proxy.set(.stall)
                try await withRedis(on: server.port, ConnectionOptions(logger: logs.logger)) {
                    $0.username = "weak"
                    $0.password = "s3sam3"
                    $0.lease = .seconds(3)
                } _: { heir in
                    let jobs = try await heir.consume(from: "jobs")
                    try await until { logs.lines.contains { $0.contains("they stay with it") } }
                    #expect(logs.lines.contains { $0.contains("NOPERM") })
                    withExtendedLifetime(jobs) {}
                }
                withExtendedLifetime(held) {}
                proxy.set(.forward)
                await dying.close()
            }
        }
    }

    @Test func whatIsAcknowledgedWasHandledThroughKillsOfTheServer() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.isPersistent = true
        try await RedisServer.withServer(options) { server in
            let queue = QueueName("sure")
            let seen = Recorder<String>()
            let sender = try await redis(on: server.port)
            let receiver = try await redis(on: server.port)
            let subscription = try await receiver.consume(from: queue, options: ConsumeOptions(prefetch: 32))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<2_000 { try await sender.send(Message("\(number)"), to: queue) }
                }
                group.addTask {
                    while Set(seen.values).count < 2_000 {
                        guard let delivery = try await subscription.next() else { return }
                        seen.record(delivery.message.text ?? "")
                        // Fails where the link was lost meanwhile: then it comes again.
                        try? delivery.ack()
                    }
                }
                for round in 1...3 {
                    try await until { seen.values.count >= round * 300 }
                    server.kill()
                    try await server.start()
                }
                try await group.waitForAll()
            }
            #expect(Set(seen.values).count == 2_000)
            await sender.close()
            await receiver.close()
        }
    }

    @Test func aFullServerRefusesAndGoesOn() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.maximumMemory = 8 << 20
        try await RedisServer.withServer(options) { server in
            try await withRedis(on: server.port) { redis in
                let queue: QueueName = "full"
                let body = [UInt8](repeating: 65, count: 100_000)
                var sent = 0
                var refusal: MessagingError?
                while refusal == nil, sent < 200 {
                    do {
                        try await redis.send(Message(body), to: queue)
                        sent += 1
                    } catch let error as MessagingError {
                        refusal = error
                    }
                }
                #expect(refusal?.code == .refused)
                #expect(refusal?.isRetriable == true)
                #expect(redis.state == .connected)
                let consumer = try await redis.consume(from: queue)
                for _ in 0..<sent { try await consumer.next()?.ack() }
                try await redis.send(Message("room"), to: queue)
                let next = try await consumer.next()
                #expect(next?.message.text == "room")
            }
        }
    }

    @Test func aPlainListIsAQueue() async throws {
        let port = try await RedisServer.shared().port
        let queue = QueueName(unique("plain"))
        let key = RedisArgument(queue.text)
        try await withRedis(on: port) { redis in
            // As peers of other libraries push: with their filler, which nobody wants.
            try await redis.command("RPUSH", key, "QueueInit", #"{"a":1}"#)
            let consumer = try await redis.consume(from: queue)
            let delivery = try #require(try await consumer.next())
            #expect(delivery.message == Message(#"{"a":1}"#))
            try delivery.ack()
            consumer.finish()
            // What has no headers lies there as it is, for who pops it.
            try await until { try await redis.command("EXISTS", RedisArgument("{\(queue.text)}.consumers")) == 0 }
            try await redis.send(Message(#"{"b":2}"#), to: queue)
            let popped: String = try await redis.command("LPOP", key)
            #expect(popped == #"{"b":2}"#)
            try await expectNoKeys(of: queue, redis)
        }
    }

    @Test func whatHasExpiredOrIsRejectedBecomesADeadLetter() async throws {
        let port = try await RedisServer.shared().port
        let queue = QueueName(unique("letters"))
        try await withRedis(on: port) {
            $0.deadLetterSuffix = ".dlq"
        } _: { redis in
            try await redis.send(Message("late"), to: queue, options: SendOptions(expiry: .milliseconds(500)))
            try await redis.send(Message("bad"), to: queue)
            try await Task.sleep(for: .milliseconds(600))
            let consumer = try await redis.consume(from: queue)
            let bad = try #require(try await consumer.next())
            #expect(bad.message.text == "bad")
            try bad.nack(requeue: false)
            let letters = try await redis.consume(from: QueueName(queue.text + ".dlq"))
            for (text, reason) in [("late", "expired"), ("bad", "rejected")] {
                let letter = try #require(try await letters.next())
                #expect(letter.message.text == text)
                #expect(letter.message.headers[Headers.Standard.deathReason]?.string == reason)
                #expect(letter.message.headers[Headers.Standard.deathQueue]?.string == queue.text)
                try letter.ack()
            }
            consumer.finish()
            letters.finish()
            try await expectNoKeys(of: queue, redis)
        }
    }

    private func withoutClosing(port: Int) async throws -> RedisConnection {
        try await redis(on: port) { $0.lease = .seconds(3) }
    }

    private func expectNoKeys(of queue: QueueName, _ redis: RedisConnection) async throws {
        try await until {
            let keys: [String] = try await redis.command("KEYS", RedisArgument("*\(queue.text)*"))
            return keys.isEmpty
        }
    }
}
