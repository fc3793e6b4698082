import Martlet
import MartletTesting
import Synchronization
import Testing

/// A delivery that can't be settled any more reaches no reader: its broker delivers the message again.
@Suite(.timeLimit(.minutes(10))) struct StaleDeliveryTests {
    /// Its link can be lost.
    private final class LosableSettler: Settler {
        private let lost = Mutex(false)
        let skipped = Recorder<UInt64>()

        func lose() { lost.withLock { $0 = true } }
        func settle(_ tag: UInt64, as disposition: Disposition) throws {}
        func isStale(_ tag: UInt64) -> Bool { lost.withLock { $0 } }
        func skippedStale(_ tag: UInt64) { skipped.record(tag) }
    }

    private func delivery(_ tag: UInt64, by settler: LosableSettler) -> Delivery {
        Delivery(topic: "jobs", message: Message("\(tag)"), settlement: Settlement(tag, by: settler))
    }

    @Test func whatALostLinkHasLeftInTheMailboxIsSkippedAndCounted() async throws {
        let mailbox = Mailbox<Delivery>(limit: 16)
        let subscription = Subscription(mailbox) {}
        let (old, new) = (LosableSettler(), LosableSettler())
        for tag in 0..<4 { mailbox.offer(delivery(UInt64(tag), by: old), topic: "jobs") }
        var iterator = subscription.makeAsyncIterator()
        // It takes all four, and hands out one.
        #expect(try await iterator.next()?.message.text == "0")
        old.lose()
        mailbox.offer(delivery(7, by: new), topic: "jobs")
        #expect(try await iterator.next()?.message.text == "7")
        #expect(old.skipped.values == [1, 2, 3])
        #expect(new.skipped.values.isEmpty)
    }

    @Test func aReaderThatFindsOnlyStaleOnesWaitsOn() async throws {
        let mailbox = Mailbox<Delivery>(limit: 16)
        let subscription = Subscription(mailbox) {}
        let (old, new) = (LosableSettler(), LosableSettler())
        for tag in 0..<4 { mailbox.offer(delivery(UInt64(tag), by: old), topic: "jobs") }
        old.lose()
        #expect(subscription.nextIfReady() == nil)
        #expect(old.skipped.values == [0, 1, 2, 3])
        for tag in 0..<4 { mailbox.offer(delivery(UInt64(tag), by: old), topic: "jobs") }
        async let next = subscription.next()
        try await old.skipped.wait(for: 8)
        mailbox.offer(delivery(9, by: new), topic: "jobs")
        #expect(try await next?.message.text == "9")
        mailbox.offer(delivery(1, by: old), topic: "jobs")
        mailbox.finish()
        #expect(try await subscription.next() == nil)
    }

    @Test func whatTheBuiltInBrokerHasTakenBackComesOnce() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 4))
        for number in 0..<4 { try await connection.send(Message("\(number)"), to: "jobs") }
        let first = try #require(try await jobs.next())
        connection.cut()
        connection.restore()
        #expect(throws: MessagingError.self) { try first.ack() }
        for number in 0..<4 {
            let delivery = try #require(try await jobs.next())
            #expect(delivery.message.text == "\(number)")
            #expect(delivery.redeliveries == 1)
            try delivery.ack()
        }
        #expect(jobs.nextIfReady() == nil)
        #expect(connection.statistics.staleDeliveries == 3)
        await connection.close()
    }
}
