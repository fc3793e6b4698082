import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct QueueLimitTests {
    @Test func aQueuesOwnTimeToLiveEndsWhatNobodyTouches() async throws {
        let clock = TestClock()
        let broker = MemoryBroker(options: MemoryBroker.Options(clock: clock))
        try broker.declareQueue("q", options: QueueOptions(timeToLive: .seconds(5), deadLetters: "dead"))
        let connection = try await broker.connect(name: "a")
        let dead = try await connection.consume(from: "dead")
        try await connection.send(Message("x"), to: "q")
        try await clock.waitForSleepers()
        clock.advance(by: .seconds(5))
        let letter = try await dead.next()
        #expect(letter?.message.headers[Headers.Standard.deathReason] == "expired")
        await connection.close()
    }

    @Test func consumersCountTowardsTheLimitOfQueues() async throws {
        let broker = MemoryBroker(options: MemoryBroker.Options(queues: 1))
        let connection = try await broker.connect(name: "a")
        let first = try await connection.consume(from: "a")
        let second = try await connection.consume(from: "a")
        let error = await #expect(throws: MessagingError.self) { _ = try await connection.consume(from: "b") }
        #expect(error?.code == .refused)
        withExtendedLifetime((first, second)) {}
        await connection.close()
    }

    @Test func theDefaultDeadLetterQueueHasNone() async throws {
        let defaults = QueueOptions(limit: 1, overflow: .dropOldest, deadLetters: "dead")
        let broker = MemoryBroker(options: MemoryBroker.Options(queueDefaults: defaults))
        let connection = try await broker.connect(name: "a")
        for number in 0..<4 { try await connection.send(Message("\(number)"), to: "q") }
        let dead = try await connection.consume(from: "dead")
        let letter = try await dead.next()
        #expect(letter?.message.text == "2")
        try letter?.nack(requeue: false)
        #expect(broker.statistics.droppedDeadLetters == 3)
        await connection.close()
    }

    @Test func deadLettersByDefaultMakeNoCircleEither() throws {
        let broker = MemoryBroker(
            options: MemoryBroker.Options(queueDefaults: QueueOptions(deadLetters: "dead"))
        )
        #expect(throws: MessagingError.self) {
            try broker.declareQueue("dead", options: QueueOptions(deadLetters: "other"))
        }
        try broker.declareQueue("other", options: QueueOptions(deadLetters: "dead"))
    }
}
