import Martlet
import Synchronization
import Testing

/// What a broker hands over may be gone before the broker has let go of it, and then turns to the broker in turn.
@Suite(.timeLimit(.minutes(10))) struct HandOverTests {
    @Test func aDeliveryDroppedWhileItIsHandedOver() async throws {
        let broker = MemoryBroker()
        let consumer = try await broker.connect(name: "consumer")
        let sender = try await broker.connect(name: "sender")
        let subscription = try await consumer.consume(from: "q")
        let reader = Task(executorPreference: InlineExecutor()) { _ = try await subscription.next() }
        await Task.yield()
        // The reader takes the delivery and drops it within the call that hands it over.
        try await sender.send(Message("x"), to: "q")
        try await reader.value
        let again = try await subscription.next()
        #expect(again?.redeliveries == 1)
        try again?.ack()
        await consumer.close()
        await sender.close()
    }

    @Test func aConnectionDroppedWhileItIsRepliedTo() async throws {
        let broker = MemoryBroker()
        let replier = try await broker.connect(name: "replier")
        let caller = Holder()
        let address = try await caller.connect(to: broker)
        // The connection goes within the call that hands it the reply.
        try await replier.reply(Message(), to: address)
        #expect(caller.isEmpty)
        await replier.close()
        #expect(broker.presence.clients.isEmpty)
    }

    @Test func manyDeliveriesDroppedAtOnce() async throws {
        let broker = MemoryBroker()
        let consumer = try await broker.connect(name: "consumer")
        let sender = try await broker.connect(name: "sender")
        let subscription = try await consumer.consume(from: "q", options: ConsumeOptions(prefetch: 1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for _ in 0..<1_000 { try await sender.send(Message(), to: "q") } }
            group.addTask {
                for _ in 0..<1_000 {
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
}

/// Holds the only reference to a connection until that hears a reply.
private final class Holder: Sendable {
    private let connection = Mutex<MemoryConnection?>(nil)

    var isEmpty: Bool { connection.withLock { $0 == nil } }

    /// - Returns: the connection's reply address.
    func connect(to broker: MemoryBroker) async throws -> String {
        let connection = try await broker.connect(name: "caller")
        let address = try await connection.openReplyAddress { [self] _, _ in
            let dropped = self.connection.withLock { connection in
                defer { connection = nil }
                return connection
            }
            withExtendedLifetime(dropped) {}
        }
        self.connection.withLock { $0 = connection }
        return address.address(for: "1")
    }
}

/// Runs what is resumed within the call that resumes it.
private final class InlineExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor())
    }
}
