import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct MemoryBrokerTopicTests {
    private func read(_ count: Int, from subscription: Subscription) async throws -> [String] {
        var texts: [String] = []
        while texts.count < count, let delivery = try await subscription.next() {
            texts.append("\(delivery.topic)=\(delivery.message.text ?? "")")
        }
        return texts
    }

    @Test func retainedMessagesComeFirstAndAreDeletedByEmptyOnes() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let retain = PublishOptions(retain: true)
        try await connection.publish(Message("1"), to: "a.x", options: retain)
        try await connection.publish(Message("2"), to: "a.y", options: retain)
        try await connection.publish(Message("3"), to: "a.y", options: retain)
        try await connection.publish(Message(""), to: "a.x", options: retain)
        let kept = try await connection.subscribe(to: "a.*")
        let unkept = try await connection.subscribe(to: "a.*", options: SubscribeOptions(retained: false))
        try await connection.publish(Message("4"), to: "a.z")
        #expect(try await read(2, from: kept) == ["a.y=3", "a.z=4"])
        #expect(try await read(1, from: unkept) == ["a.z=4"])
    }

    @Test func retainedMessagesExpire() async throws {
        let clock = TestClock()
        let connection = try await MemoryBroker(options: .init(clock: clock)).connect(name: "a")
        try await connection.publish(
            Message("old"),
            to: "a",
            options: PublishOptions(retain: true, expiry: .seconds(5))
        )
        try await connection.publish(Message("new"), to: "b", options: PublishOptions(retain: true))
        clock.advance(by: .seconds(6))
        let kept = try await connection.subscribe(to: "#")
        #expect(try await read(1, from: kept) == ["b=new"])
        #expect(kept.nextIfReady() == nil)
    }

    @Test func retainedTopicsAreLimited() async throws {
        let connection = try await MemoryBroker(options: .init(retainedTopics: 1)).connect(name: "a")
        let retain = PublishOptions(retain: true)
        try await connection.publish(Message("1"), to: "a", options: retain)
        try await connection.publish(Message("2"), to: "a", options: retain)
        #expect(await errorCode { try await connection.publish(Message("3"), to: "b", options: retain) } == .refused)
    }

    @Test func aCutLinkMissesWhatIsPublishedAndGetsBackWhatWasOpen() async throws {
        let broker = MemoryBroker()
        let a = try await broker.connect(name: "a")
        let b = try await broker.connect(name: "b")
        let subscription = try await a.subscribe(to: "news")
        let states = a.states()
        try await b.publish(Message("1"), to: "news")
        a.cut()
        #expect(a.state == .disconnected)
        try await b.publish(Message("2"), to: "news")
        #expect(await errorCode { try await a.publish(Message("x"), to: "news") } == .notConnected)
        #expect(await errorCode { _ = try await a.subscribe(to: "other") } == .notConnected)
        a.restore()
        try await b.publish(Message("3"), to: "news")
        #expect(try await read(2, from: subscription) == ["news=1", "news=3"])
        await a.close()
        var seen: [ConnectionState] = []
        for await state in states { seen.append(state) }
        #expect(seen == [.connected, .disconnected, .connected, .closed])
    }

    @Test func guaranteedPublishesWaitForTheLink() async throws {
        let broker = MemoryBroker()
        let a = try await broker.connect(name: "a")
        let b = try await broker.connect(name: "b")
        let subscription = try await b.subscribe(to: "news")
        a.cut()
        async let publish: Void = a.publish(Message("1"), to: "news", options: PublishOptions(guarantee: .atLeastOnce))
        await Task.yield()
        #expect(subscription.waiting == 0)
        a.restore()
        try await publish
        #expect(try await read(1, from: subscription) == ["news=1"])
    }

    @Test func guaranteedPublishesWaitNoLongerThanTheirExpiry() async throws {
        let clock = TestClock()
        let a = try await MemoryBroker().connect(options: ConnectionOptions(clock: clock))
        a.cut()
        let options = PublishOptions(guarantee: .atLeastOnce, expiry: .seconds(5))
        async let code = errorCode { try await a.publish(Message("1"), to: "news", options: options) }
        await until { clock.sleepers == 1 }
        clock.advance(by: .seconds(5))
        #expect(await code == .timeout)
    }

    @Test func offlinePoliciesDropOrKeep() async throws {
        let broker = MemoryBroker()
        let listener = try await broker.connect(name: "listener")
        let subscription = try await listener.subscribe(to: "news")
        let dropping = try await broker.connect(options: ConnectionOptions(whileOffline: .drop))
        let buffering = try await broker.connect(options: ConnectionOptions(whileOffline: .buffer(limit: 2)))
        for connection in [dropping, buffering] {
            connection.cut()
            for number in 1...3 { try await connection.publish(Message("\(number)"), to: "news") }
        }
        #expect(dropping.statistics.droppedOffline == 3)
        #expect(buffering.statistics.droppedOffline == 1)
        dropping.restore()
        buffering.restore()
        #expect(try await read(2, from: subscription) == ["news=2", "news=3"])
        #expect(subscription.nextIfReady() == nil)
    }

    @Test func whatExpiresWhileThereIsNoLinkIsDroppedAndCounted() async throws {
        let clock = TestClock()
        let broker = MemoryBroker()
        let subscription = try await broker.connect(name: "listener").subscribe(to: "news")
        let connection = try await broker.connect(
            options: ConnectionOptions(whileOffline: .buffer(limit: 5), clock: clock)
        )
        connection.cut()
        for (text, expiry) in [("worthless", Duration.seconds(1)), ("fresh", .seconds(10))] {
            try await connection.publish(Message(text), to: "news", options: PublishOptions(expiry: expiry))
        }
        clock.advance(by: .seconds(2))
        connection.restore()
        #expect(try await read(1, from: subscription) == ["news=fresh"])
        #expect(subscription.nextIfReady() == nil)
        #expect(connection.statistics.droppedOffline == 1)
    }

    @Test func willsArePublishedForLostLinksAlone() async throws {
        let broker = MemoryBroker()
        let watcher = try await broker.connect(name: "watcher").subscribe(to: "*.online")
        func client(_ name: String) async throws -> MemoryConnection {
            try await broker.connect(
                options: ConnectionOptions(
                    name: name,
                    will: Will(topic: TopicName("\(name).online"), message: Message("0"))
                )
            )
        }
        let orderly = try await client("orderly")
        await orderly.close()
        let lost = try await client("lost")
        lost.cut()
        #expect(try await read(1, from: watcher) == ["lost.online=0"])
        #expect(watcher.nextIfReady() == nil)
    }

    @Test func presenceTellsWhoIsThereAndWhatTheyHear() async throws {
        let broker = MemoryBroker()
        let a = try await broker.connect(name: "a")
        let b = try await broker.connect(name: "b")
        let topics = try await a.subscribe(to: "x.#")
        let jobs = try await b.consume(from: "jobs")
        #expect(broker.presence.clients.map(\.client.name) == ["a", "b"])
        #expect(broker.presence.clients[0].subscriptions == ["x.#"])
        #expect(broker.presence.clients[1].queues == ["jobs"])
        b.cut()
        #expect(broker.presence.clients.map(\.client.name) == ["a"])
        #expect(broker.queue("jobs") == nil)
        topics.finish()
        jobs.finish()
        #expect(broker.presence.clients[0].subscriptions.isEmpty)
    }

    @Test func bodiesOverTheLimitAreRefused() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(maximumBodyBytes: 10))
        let large = Message([UInt8](repeating: 0, count: 11))
        #expect(await errorCode { try await connection.publish(large, to: "a") } == .bodyTooLarge)
        #expect(await errorCode { try await connection.send(large, to: "a") } == .bodyTooLarge)
        #expect(await errorCode { _ = try await connection.call("a", large) } == .bodyTooLarge)
        try await connection.publish(Message([UInt8](repeating: 0, count: 10)), to: "a")
    }

    @Test func closedConnectionsSaySo() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        let subscription = try await connection.subscribe(to: "a")
        await connection.close()
        await connection.close()
        #expect(try await subscription.next() == nil)
        #expect(await errorCode { try await connection.publish(Message(), to: "a") } == .connectionClosed)
        #expect(await errorCode { _ = try await connection.subscribe(to: "a") } == .connectionClosed)
        #expect(await errorCode { try await connection.send(Message(), to: "a") } == .connectionClosed)
        #expect(await errorCode { _ = try await connection.consume(from: "a") } == .connectionClosed)
        #expect(await errorCode { _ = try await connection.call("a", Message()) } == .connectionClosed)
        #expect(broker.presence.clients.isEmpty)
    }

    /// What nobody holds any more is gone from the broker.
    @Test func droppedConnectionsAndSubscriptionsLeaveNothing() async throws {
        let broker = MemoryBroker()
        do {
            let connection = try await broker.connect(name: "a")
            do {
                let subscription = try await connection.subscribe(to: "a")
                #expect(subscription.waiting == 0)
            }
            #expect(broker.presence.clients[0].subscriptions.isEmpty)
            #expect(connection.state == .connected)
        }
        #expect(broker.presence.clients.isEmpty)
    }

    /// A reply address tells nothing about any other one.
    @Test func replyAddressesCanNotBeGuessed() async throws {
        let broker = MemoryBroker()
        var addresses: Set<String> = []
        for number in 0..<100 {
            let connection = try await broker.connect(name: "\(number)")
            let reply = try await connection.openReplyAddress { _, _ in Issue.record("a guessed reply arrived") }
            let address = try #require(reply.address(for: "1").split(separator: "/").dropFirst().first).description
            #expect(address.utf8.count == 32, "not 128 random bits: \(address)")
            addresses.insert(address)
            let stranger = try await broker.connect(name: "stranger")
            let id = try #require(broker.presence.clients.last { $0.client.name == "\(number)" }?.client.id)
            let upper = address.uppercased() == address ? "A" + address.dropFirst() : address.uppercased()
            for guess in ["\(id)", "", String(address.dropLast()), address + "0", upper, "\(id)/1", "/" + address] {
                #expect(await errorCode { try await stranger.reply(Message(), to: "reply/" + guess) } == .noResponder)
            }
        }
        #expect(addresses.count == 100)
    }
}
