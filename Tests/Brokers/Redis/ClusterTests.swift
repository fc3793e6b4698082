import IntegrationSupport
import Martlet
import Testing

@testable import MartletRedis

@Suite(.timeLimit(.minutes(10))) struct ClusterTests {
    @Test func slotsAreThoseOfTheSpecification() {
        // The specification's own value for its own text, and the rule for braces.
        #expect(ClusterSlot.slot(of: Array("123456789".utf8)) == 0x31c3)
        #expect(slot("{user1000}.following") == slot("user1000"))
        #expect(slot("foo{}{bar}") != slot("bar"))
        #expect(slot("foo{{bar}}zap") == slot("{bar"))
        #expect(slot("foo{bar}{zap}") == slot("bar"))
    }

    @Test(arguments: ["a.b", "{a}.b", "a{b}", "a{}", "{}", "{", "}{", "a{b", "{{a}}", "a{b}{c}"])
    func allKeysOfAQueueAreOnOneNode(_ name: String) {
        let keys = QueueKeys(QueueName(name))
        for key in [keys.consumers, keys.leases, keys.held(by: "x"), keys.returning(from: "x")] {
            #expect(ClusterSlot.slot(of: key) == keys.slot, "\(String(decoding: key, as: UTF8.self))")
        }
    }

    @Test func everyVerbWorksOnACluster() async throws {
        try await RedisCluster.withCluster { cluster in
            let ports = cluster.nodes.map(\.port)
            let one = try await redis(on: ports[0])
            let other = try await redis(on: ports[1])
            let subscription = try await other.subscribe(to: "news.*")
            try await until {
                // A node tells the others about its subscribers in its own time.
                try await one.publish(Message("x"), to: "news.a")
                return subscription.waiting > 0
            }
            for number in 0..<30 {
                let queue = QueueName("queue.\(number)")
                let consumer = try await other.consume(from: queue, options: ConsumeOptions(prefetch: 2))
                for text in ["a", "b", "c"] { try await one.send(Message(text), to: queue) }
                let first = try await consumer.next()
                try first?.nack(requeue: true)
                var texts: Set<String> = []
                while texts.count < 3 {
                    let delivery = try #require(try await consumer.next())
                    texts.insert(delivery.message.text ?? "")
                    try delivery.ack()
                }
                consumer.finish()
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 { group.addTask { try await other.respond(to: QueueName("rpc.\(number)")) { $0 } } }
                for number in 0..<60 {
                    while true {
                        do {
                            let reply = try await one.call(QueueName("rpc.\(number % 6)"), Message("\(number)"))
                            #expect(reply.text == "\(number)")
                            break
                        } catch let error as MessagingError where error.code == .noResponder {
                            try await Task.sleep(for: .milliseconds(5))
                        }
                    }
                }
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
            }
            for number in 0..<20 {
                try await one.command("SET", "key.\(number)", RedisArgument(number))
                let value: Int = try await other.command("GET", "key.\(number)")
                #expect(value == number)
                let both = try await one.transaction([
                    RedisCommand("INCR", "{tag\(number)}.a"), RedisCommand("INCR", "{tag\(number)}.b"),
                ])
                #expect(both == [.integer(1), .integer(1)])
            }
            await one.close()
            await other.close()
        }
    }

    private func slot(_ key: String) -> Int { ClusterSlot.slot(of: Array(key.utf8)) }
}
