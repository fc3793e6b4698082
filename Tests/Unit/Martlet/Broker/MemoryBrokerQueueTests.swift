import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct MemoryBrokerQueueTests {
    @Test func fullQueuesHoldSendersBackUntilThereIsRoom() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(limit: 2))
        let connection = try await broker.connect(name: "a")
        let done = try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<10 { group.addTask { try await connection.send(Message("\(number)"), to: "jobs") } }
            await until { broker.statistics.sent == 10 }
            #expect(broker.queue("jobs")?.waiting == 2)
            let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 1))
            var received: [String] = []
            while received.count < 10, let delivery = try await jobs.next() {
                received.append(delivery.message.text ?? "")
                try delivery.ack()
            }
            try await group.waitForAll()
            return received.sorted()
        }
        #expect(done == (0..<10).map(String.init).sorted())
    }

    @Test func cancelledSendersTakeTheirMessageBack() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(limit: 1))
        let connection = try await broker.connect(name: "a")
        try await connection.send(Message("first"), to: "jobs")
        let sender = Task { try await connection.send(Message("second"), to: "jobs") }
        await until { broker.statistics.sent == 2 }
        sender.cancel()
        await #expect(throws: CancellationError.self) { try await sender.value }
        let jobs = try await connection.consume(from: "jobs")
        let first = try #require(try await jobs.next())
        #expect(first.message.text == "first")
        #expect(jobs.nextIfReady() == nil)
        try first.ack()
    }

    @Test func rejectingQueuesSaySo() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(limit: 1, overflow: .reject))
        let connection = try await broker.connect(name: "a")
        try await connection.send(Message("first"), to: "jobs")
        #expect(await errorCode { try await connection.send(Message("second"), to: "jobs") } == .queueFull)
    }

    @Test func deadLettersSayWhyTheyDied() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(deadLetters: "jobs.dead"))
        let connection = try await broker.connect(name: "a")
        let jobs = try await connection.consume(from: "jobs")
        try await connection.send(Message("bad", headers: ["kept": 1]), to: "jobs")
        try await jobs.next()?.nack(requeue: false)
        let dead = try #require(try await connection.consume(from: "jobs.dead").next()).message
        #expect(dead.text == "bad")
        #expect(dead.headers["kept"] == 1)
        #expect(dead.headers[Headers.Standard.deathReason] == "rejected")
        #expect(dead.headers[Headers.Standard.deathQueue] == "jobs")
        #expect(dead.headers[Headers.Standard.deathDeliveries] == 1)
    }

    @Test func expiredMessagesBecomeDeadLettersByThemselves() async throws {
        let clock = TestClock()
        let broker = MemoryBroker(options: .init(clock: clock))
        try broker.declareQueue("jobs", options: QueueOptions(deadLetters: "jobs.dead"))
        let connection = try await broker.connect(name: "a")
        let dead = try await connection.consume(from: "jobs.dead")
        try await connection.send(Message("x"), to: "jobs", options: SendOptions(expiry: .seconds(5)))
        await until { clock.sleepers == 1 }
        clock.advance(by: .seconds(4))
        #expect(dead.nextIfReady() == nil)
        clock.advance(by: .seconds(2))
        #expect(try await dead.next()?.message.headers[Headers.Standard.deathReason] == "expired")
    }

    @Test func sendersWaitNoLongerThanTheirMessageLives() async throws {
        let clock = TestClock()
        let broker = MemoryBroker(options: .init(clock: clock))
        try broker.declareQueue("jobs", options: QueueOptions(limit: 1))
        let connection = try await broker.connect(name: "a")
        try await connection.send(Message("first"), to: "jobs")
        async let code = errorCode {
            try await connection.send(Message("second"), to: "jobs", options: SendOptions(expiry: .seconds(5)))
        }
        await until { clock.sleepers == 1 }
        clock.advance(by: .seconds(6))
        #expect(await code == .timeout)
    }

    @Test func deadLettersMayNotGoInACircle() throws {
        let broker = MemoryBroker()
        try broker.declareQueue("a", options: QueueOptions(deadLetters: "b"))
        try broker.declareQueue("b", options: QueueOptions(deadLetters: "c"))
        let error = #expect(throws: MessagingError.self) {
            try broker.declareQueue("c", options: QueueOptions(deadLetters: "a"))
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test(arguments: [
        QueueOptions(limit: 0), QueueOptions(timeToLive: .zero), QueueOptions(maximumDeliveries: 0),
    ])
    func optionsWithoutMeaningAreErrors(options: QueueOptions) {
        let error = #expect(throws: MessagingError.self) { try MemoryBroker().declareQueue("a", options: options) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func queuesAreLimitedAndUnusedOnesGo() async throws {
        let broker = MemoryBroker(options: .init(queues: 2))
        let connection = try await broker.connect(name: "a")
        try await connection.send(Message("x"), to: "one")
        try await connection.send(Message("x"), to: "two")
        #expect(await errorCode { try await connection.send(Message("x"), to: "three") } == .refused)
        let one = try await connection.consume(from: "one")
        try await one.next()?.ack()
        one.finish()
        await until { broker.queue("one") == nil }
        try await connection.send(Message("x"), to: "three")
    }

    /// A delivery that nobody holds any more is no delivery lost.
    @Test func unsettledDeliveriesReturnToTheirQueue() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        try await connection.send(Message("x"), to: "jobs")
        do {
            let jobs = try await connection.consume(from: "jobs")
            let delivery = try #require(try await jobs.next())
            jobs.finish()
            #expect(delivery.redeliveries == 0)
        }
        await until { broker.queue("jobs")?.waiting == 1 }
        let again = try #require(try await connection.consume(from: "jobs").next())
        #expect(again.redeliveries == 1)
        try again.ack()
        #expect(await errorCode { try again.ack() } == .alreadySettled)
        #expect(await errorCode { try again.nack(requeue: true) } == .alreadySettled)
    }

    /// The consumer may have gone: what it holds is still its own to settle.
    @Test func deliveriesOutliveTheirSubscription() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        try await connection.send(Message("x"), to: "jobs")
        let delivery = try await connection.consume(from: "jobs").next()
        try delivery?.ack()
        #expect(broker.queue("jobs") == nil)
    }

    @Test func settlementAfterTheLinkWasCutIsAnError() async throws {
        let broker = MemoryBroker()
        let a = try await broker.connect(name: "a")
        let b = try await broker.connect(name: "b")
        try await a.send(Message("x"), to: "jobs")
        let delivery = try #require(try await a.consume(from: "jobs").next())
        a.cut()
        #expect(await errorCode { try delivery.ack() } == .connectionLost)
        let again = try #require(try await b.consume(from: "jobs").next())
        #expect(again.redeliveries == 1)
    }
}
