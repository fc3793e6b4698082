import Martlet
import Testing

/// What a broker hands over may be gone before it has let go of it.
@Suite(.timeLimit(.minutes(1))) struct HandOverTests {
    @Test func deliveriesDroppedWhileTheyAreHandedOver() async throws {
        let broker = MemoryBroker()
        let consumer = try await broker.connect(name: "consumer")
        let sender = try await broker.connect(name: "sender")
        let subscription = try await consumer.consume(from: "q", options: ConsumeOptions(prefetch: 1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for _ in 0..<2_000 { try await sender.send(Message(), to: "q") } }
            group.addTask {
                for _ in 0..<2_000 {
                    // Dropped unsettled: it comes again.
                    _ = try await subscription.next()
                    try await subscription.next()?.ack()
                }
            }
            try await group.waitForAll()
        }
        await consumer.close()
        await sender.close()
    }

    @Test func connectionsDroppedWhileTheyAreRepliedTo() async throws {
        let broker = MemoryBroker()
        let replier = try await broker.connect(name: "replier")
        for _ in 0..<500 {
            var connection: MemoryConnection? = try await broker.connect(name: "caller")
            let address = try await connection?.openReplyAddress { _, _ in }
            let text = try #require(address?.address(for: "1"))
            async let replying: Void = {
                for _ in 0..<5 { try? await replier.reply(Message(), to: text) }
            }()
            await Task.yield()
            connection = nil
            await replying
        }
        await replier.close()
        #expect(broker.presence.clients.isEmpty)
    }
}
