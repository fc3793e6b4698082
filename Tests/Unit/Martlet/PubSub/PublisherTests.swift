import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct PublisherTests {
    struct Reading: Codable, Sendable, Equatable {
        var celsius: Double
        var room: String
    }

    private func values(_ subscription: TypedSubscription<Reading>, _ count: Int) async throws -> [Double] {
        var values: [Double] = []
        while values.count < count, let next = try await subscription.next() { values.append(next.value.celsius) }
        return values
    }

    @Test func onlyChangedValuesArePublished() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let topic = Topic<Reading>("room.temperature")
        let subscription = try await connection.subscribe(to: topic)
        let publisher = Publisher(to: topic, on: connection, filter: .onlyIfChanged)
        var published: [Bool] = []
        for celsius in [20.0, 20, 21, 21, 20] {
            published.append(try await publisher.publish(Reading(celsius: celsius, room: "kitchen")))
        }
        #expect(published == [true, false, true, false, true])
        #expect(try await values(subscription, 3) == [20, 21, 20])
    }

    @Test func oldValuesArePublishedAgain() async throws {
        let clock = TestClock()
        let connection = try await MemoryBroker().connect(options: ConnectionOptions(clock: clock))
        let publisher = Publisher(
            to: Topic<Int>("count"),
            on: connection,
            filter: .onlyIfChanged(maximumAge: .seconds(60))
        )
        #expect(try await publisher.publish(1))
        clock.advance(by: .seconds(59))
        #expect(try await !publisher.publish(1))
        clock.advance(by: .seconds(1))
        #expect(try await publisher.publish(1))
        #expect(try await !publisher.publish(1))
    }

    /// A value that could not be published is not held back as if it had been.
    @Test func failedPublishesDoNotCount() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let publisher = Publisher(to: Topic<Int>("count"), on: connection, filter: .onlyIfChanged)
        connection.cut()
        #expect(await errorCode { try await publisher.publish(1) } == .notConnected)
        connection.restore()
        #expect(try await publisher.publish(1))
    }

    /// One that failed may have arrived all the same: whatever comes next is published.
    @Test func nobodyKnowsWhatATopicHasAfterAFailure() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let publisher = Publisher(to: Topic<Int>("count"), on: connection, filter: .onlyIfChanged)
        #expect(try await publisher.publish(1))
        connection.cut()
        #expect(await errorCode { try await publisher.publish(2) } == .notConnected)
        connection.restore()
        #expect(try await publisher.publish(1))
        #expect(try await !publisher.publish(1))
    }

    @Test func aValueIsComparedWithTheOneThatIsUnderWay() async throws {
        let gate = ChangeGate()
        let (begun, confirmed) = (Promise<Void>(), Promise<Void>())
        @Sendable func publish(_ value: UInt8, _ body: () async throws -> Void = {}) async throws -> Bool {
            try await gate.pass([value], to: "switch", at: .zero, filter: .onlyIfChanged, body)
        }
        #expect(try await publish(1))
        async let second = publish(2) {
            begun.end(.success(()))
            try await confirmed.value()
        }
        try await begun.value()
        #expect(try await publish(1))
        #expect(try await !publish(1))
        confirmed.end(.success(()))
        #expect(try await second)
        #expect(try await !publish(1))
    }

    @Test func eachTopicHasItsOwnLastValue() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let publisher = MultiTopicPublisher<Int>(on: connection, filter: .onlyIfChanged)
        #expect(try await publisher.publish(1, to: "a"))
        #expect(try await publisher.publish(1, to: "b"))
        #expect(try await !publisher.publish(1, to: "a"))
        #expect(await errorCode { try await publisher.publish(1, to: "not.*") } == .invalidTopic)
        let unfiltered = MultiTopicPublisher<Int>(on: connection)
        #expect(try await unfiltered.publish(1, to: "a"))
        #expect(try await unfiltered.publish(1, to: "a"))
    }

    @Test func undecodableMessagesAreSkippedAndCounted() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let subscription = try await connection.subscribe(to: TopicFilter<Reading>("room.#"))
        for text in ["", "[]", #"{"celsius":"hot","room":"x"}"#, "\u{0}"] {
            try await connection.publish(Message(text), to: "room.x")
        }
        try await connection.publish(Message("{}", headers: ["content-type": "application/cbor"]), to: "room.x")
        try await connection.publish(Reading(celsius: 1, room: "x"), to: Topic("room.y"))
        let received = try #require(try await subscription.next())
        #expect(received.value == Reading(celsius: 1, room: "x"))
        #expect(received.topic == "room.y")
        #expect(connection.statistics.undecodable == 5)
    }

    @Test func undecodableWorkBecomesADeadLetter() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(deadLetters: "dead"))
        let connection = try await broker.connect(name: "a")
        let jobs = Queue<Reading>("jobs")
        try await connection.send(Message("?"), to: jobs.name)
        try await connection.send(Reading(celsius: 1, room: "x"), to: jobs)
        let received = try #require(try await connection.consume(from: jobs).next())
        try received.ack()
        #expect(received.value.room == "x")
        #expect(try await connection.consume(from: "dead").next()?.message.text == "?")
    }
}
