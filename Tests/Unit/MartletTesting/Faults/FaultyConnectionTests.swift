import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct FaultyConnectionTests {
    /// What arrives of a hundred publishes by one task.
    private func received(seed: UInt64, _ faults: Faults) async throws -> (texts: [String], FaultStatistics) {
        let broker = MemoryBroker()
        let reader = try await broker.connect(name: "reader")
        let subscription = try await reader.subscribe(to: "t", options: SubscribeOptions(limit: 1_000))
        let publisher = try await broker.connect(name: "publisher")
        let statistics = try await withFaultyConnection(wrapping: publisher, seed: seed, faults: faults) { faulty in
            for number in 0..<100 { try await faulty.publish(Message("\(number)"), to: "t") }
            await faulty.flush()
            return faulty.faultStatistics
        }
        subscription.finish()
        var texts: [String] = []
        for try await delivery in subscription { texts.append(delivery.message.text ?? "") }
        await reader.close()
        await publisher.close()
        return (texts, statistics)
    }

    @Test func sameSeedSameRun() async throws {
        // Without times involved even the order is the seed's.
        let faults = Faults(duplicate: 0.3, drop: 0.3)
        let first = try await received(seed: 11, faults)
        let second = try await received(seed: 11, faults)
        let other = try await received(seed: 12, faults)
        #expect(first.texts == second.texts)
        #expect(first.1 == second.1)
        #expect(first.texts != other.texts)
    }

    @Test func dropsAndDuplicatesAreCounted() async throws {
        let (texts, statistics) = try await received(seed: 5, Faults(duplicate: 0.2, drop: 0.2))
        #expect(statistics.messages == 100)
        #expect(statistics.dropped > 0 && statistics.duplicated > 0)
        #expect(texts.count == 100 - statistics.dropped + statistics.duplicated)
    }

    @Test(arguments: UInt64(1)...20) func nothingIsLostWithoutDrops(seed: UInt64) async throws {
        let (texts, statistics) = try await received(seed: seed, Faults(delay: 0.05, reorder: 0.3))
        #expect(texts.count == 100)
        #expect(Set(texts).count == 100)
        #expect(statistics.reordered > 0)
        #expect(texts != (0..<100).map(String.init))
    }

    @Test func delaysKeepTheOrder() async throws {
        let (texts, statistics) = try await received(seed: 4, Faults(delay: 0.2))
        #expect(texts == (0..<100).map(String.init))
        #expect(statistics.delayed > 0)
    }

    @Test func theLastIsReleasedWithoutAnother() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        let subscription = try await connection.subscribe(to: "t")
        try await withFaultyConnection(wrapping: connection, seed: 1, faults: Faults(reorder: 1)) { faulty in
            try await faulty.publish(Message("held"), to: "t")
            #expect(try await subscription.next()?.message.text == "held")
            let own = try await faulty.subscribe(to: "u")
            try await connection.publish(Message("held, too"), to: "u")
            #expect(try await own.next()?.message.text == "held, too")
        }
        await connection.close()
    }

    @Test func closingReleasesWhatIsHeld() async throws {
        let clock = TestClock()
        let broker = MemoryBroker()
        let reader = try await broker.connect(name: "reader")
        let subscription = try await reader.subscribe(to: "t")
        // The clock stands still: only being overtaken, or closing, releases anything.
        let connection = try await broker.connect(options: ConnectionOptions(clock: clock))
        let faulty = try FaultyConnection(wrapping: connection, seed: 1, faults: Faults(reorder: 1))
        for number in 0..<5 { try await faulty.publish(Message("\(number)"), to: "t") }
        #expect(subscription.waiting == 0)
        await faulty.close()
        var texts: Set<String> = []
        for _ in 0..<5 { texts.insert(try await subscription.next()?.message.text ?? "") }
        #expect(texts.count == 5)
        await reader.close()
    }

    @Test func delaysRunOnTheConnectionsClock() async throws {
        let clock = TestClock()
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(clock: clock))
        let subscription = try await connection.subscribe(to: "t")
        let faults = Faults(delay: 1, maximumDelay: .seconds(60))
        try await withFaultyConnection(wrapping: connection, seed: 1, faults: faults) { faulty in
            async let publishing: Void = faulty.publish(Message("late"), to: "t")
            try await clock.waitForSleepers()
            #expect(subscription.waiting == 0)
            clock.advance(by: .seconds(60))
            try await publishing
            #expect(subscription.waiting == 1)
        }
        await connection.close()
    }

    @Test func guaranteedMessagesAreNotLost() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        let subscription = try await connection.subscribe(to: "t")
        let consumer = try await connection.consume(from: "q", options: ConsumeOptions(prefetch: 100))
        try await withFaultyConnection(wrapping: connection, seed: 1, faults: Faults(drop: 1)) { faulty in
            try await faulty.publish(Message("lost"), to: "t")
            try await faulty.publish(Message("sure"), to: "t", options: PublishOptions(guarantee: .atLeastOnce))
            try await faulty.send(Message("sent"), to: "q")
        }
        #expect(try await subscription.next()?.message.text == "sure")
        #expect(try await consumer.next()?.message.text == "sent")
        #expect(subscription.waiting == 0)
        await connection.close()
    }

    @Test func droppedDeliveriesGoBackToTheirQueue() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        try await withFaultyConnection(wrapping: connection, seed: 2, faults: Faults(drop: 0.5)) { faulty in
            let consumer = try await faulty.consume(from: "q", options: ConsumeOptions(prefetch: 1))
            for number in 0..<50 { try await connection.send(Message("\(number)"), to: "q") }
            for number in 0..<50 {
                let delivery = try #require(try await consumer.next())
                #expect(delivery.message.text == "\(number)")
                try delivery.ack()
            }
            #expect(faulty.faultStatistics.dropped > 0)
        }
        await connection.close()
        #expect(broker.presence.queues.isEmpty)
    }

    @Test func linksAreCutAndComeBack() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        let statistics = try await withFaultyConnection(wrapping: connection, seed: 1, faults: Faults(cut: 0.2)) {
            faulty in
            for number in 0..<50 { try await faulty.send(Message("\(number)"), to: "q") }
            return faulty.faultStatistics
        }
        #expect(statistics.cuts > 0)
        #expect(connection.state == .connected)
        #expect(broker.presence.queues.first?.waiting == 50)
        await connection.close()
    }

    @Test func nothingIsLeftBehind() async throws {
        weak var left: FaultyConnection?
        weak var inner: MemoryConnection?
        weak var broker: MemoryBroker?
        func run() async throws {
            let memory = MemoryBroker()
            let connection = try await memory.connect(name: "a")
            let faulty = try FaultyConnection(wrapping: connection, seed: 9, faults: Faults(.all, probability: 0.2))
            (left, inner, broker) = (faulty, connection, memory)
            let subscription = try await faulty.subscribe(to: "#")
            let consumer = try await faulty.consume(from: "q")
            for number in 0..<50 {
                try? await faulty.publish(Message("\(number)"), to: "t")
                try await faulty.send(Message("\(number)"), to: "q")
            }
            _ = try await subscription.next()
            _ = try await consumer.next()
            await faulty.close()
        }
        try await run()
        // The last to go are tasks that have ended, a moment later.
        while left != nil || inner != nil || broker != nil, !Task.isCancelled { await Task.yield() }
    }

    /// Faults that can't happen would have every test pass.
    @Test func aLinkThatCannotBeCutIsAnError() async throws {
        let connection = UncuttableConnection(try await MemoryBroker().connect(name: "a"))
        for faults in [Faults(cut: 0.1), Faults(halfOpen: 0.1), Faults(.all, probability: 0.1)] {
            let error = #expect(throws: MessagingError.self) {
                try FaultyConnection(wrapping: connection, seed: 1, faults: faults)
            }
            #expect(error?.code == .invalidArgument)
        }
        let faulty = try FaultyConnection(wrapping: connection, seed: 1, faults: Faults(drop: 0.1))
        #expect(!faulty.isCuttable)
        await #expect(throws: MessagingError.self) { try await faulty.cut() }
        await #expect(throws: MessagingError.self) { try await faulty.restore() }
        let other = LinkSwitch {
        } restore: {
        }
        #expect(throws: Never.self) {
            try FaultyConnection(wrapping: connection, seed: 1, faults: Faults(halfOpen: 0.1), link: other)
        }
        await faulty.close()
    }

    @Test func whatHasNoMeaningIsAnError() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        for faults in [Faults(delay: 2), Faults(drop: -1), Faults(duplicate: 0.6, drop: 0.6), Faults(cut: .nan)] {
            let error = #expect(throws: MessagingError.self) {
                try FaultyConnection(wrapping: connection, seed: 1, faults: faults)
            }
            #expect(error?.code == .invalidArgument)
        }
        await connection.close()
    }
}

/// A connection whose link nobody can take away.
private actor UncuttableConnection: Connection {
    nonisolated let runtime: ConnectionRuntime
    nonisolated let capabilities: Capabilities
    private nonisolated let connection: MemoryConnection

    init(_ connection: MemoryConnection) {
        self.connection = connection
        runtime = connection.runtime
        capabilities = connection.capabilities
    }

    nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try await connection.publish(message, to: topic, options: options)
    }

    func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try await connection.subscribe(to: pattern, options: options)
    }

    nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try await connection.send(message, to: queue, options: options)
    }

    func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await connection.consume(from: queue, options: options)
    }

    func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        try await connection.openReplyAddress(receive)
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try await connection.reply(message, to: address)
    }

    func close() async { await connection.close() }
}
