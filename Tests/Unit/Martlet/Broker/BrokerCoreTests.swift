import Testing

@testable import Martlet

/// The broker's core without its shell: commands in, effects out.
@Suite(.timeLimit(.minutes(10))) struct BrokerCoreTests {
    var core = BrokerCore(MemoryBroker.Options())

    /// What the core wants done, in short.
    private mutating func effects() -> [String] {
        defer { core.effects.removeAll() }
        return core.effects.map { effect in
            switch effect {
            case .deliver(.publication(let publication, let isRetained, let subscriber)):
                let to = subscriber.recipient
                return
                    "\(publication.topic)=\(publication.message.text ?? "")\(isRetained ? " kept" : "") to \(to.client):\(to.number)"
            case .deliver(.assignment(let queued, let tag, let queue, let to)):
                return "\(queue)=\(queued.message.text ?? "") #\(tag) to \(to.client):\(to.number)"
            case .deliver(.reply(let message, let address, let client)):
                return "\(address)=\(message.text ?? "") to \(client)"
            case .admit(let sender): return "admit \(sender)"
            case .expire(let sender): return "expire \(sender)"
            case .end(let number): return "end \(number)"
            case .tellExpired(let client): return "\(client.name) expires"
            case .tellGone(let client, let inOrder): return "gone \(client.id) \(inOrder ? "in order" : "lost")"
            }
        }
    }

    private mutating func connect(_ id: Int, will: Will? = nil) {
        core.connect(BrokerClient(id: id, name: "\(id)"), will: will)
    }

    private mutating func subscribe(
        _ client: Int,
        _ number: Int,
        to pattern: TopicPattern,
        retainAsPublished: Bool = false,
        now: Duration = .zero
    ) {
        let options = SubscribeOptions(retainAsPublished: retainAsPublished)
        core.subscribe(Recipient(client: client, number: number), to: pattern, options, now: now)
    }

    private mutating func consume(_ client: Int, _ number: Int, from queue: QueueName, prefetch: Int = 1) throws {
        try core.consume(Recipient(client: client, number: number), from: queue, prefetch: prefetch, now: .zero)
    }

    private mutating func publish(_ text: String, to topic: TopicName) throws -> [Int] {
        try core.publish(BrokerPublication(Message(text), to: topic, retain: false)).map(\.recipient.number).sorted()
    }

    /// With a copy of the others for each that ends, this would be quadratic.
    @Test(.onOneThread, .timeLimit(.minutes(3))) mutating func manySubscriptionsOfOneClientEnd() {
        connect(1)
        for number in 0..<50_000 { subscribe(1, number, to: TopicPattern(TopicName("t.\(number)"))) }
        for number in 0..<50_000 {
            let ended = core.unsubscribe(Recipient(client: 1, number: number))
            #expect(ended?.1.id == 1)
        }
        #expect(core.unsubscribe(Recipient(client: 1, number: 0))?.1 == nil)
    }

    @Test mutating func aPublishNamesItsSubscribers() throws {
        connect(1)
        connect(2)
        subscribe(1, 10, to: "a.b")
        subscribe(2, 20, to: "a.*", retainAsPublished: true)
        subscribe(2, 21, to: "c.#")
        #expect(try publish("x", to: "a.b") == [10, 20])
        #expect(try publish("x", to: "c") == [21])
        #expect(try publish("x", to: "d") == [])
        core.unsubscribe(Recipient(client: 1, number: 10))
        #expect(try publish("x", to: "a.b") == [20])
        #expect(core.statistics.published == 4)
        #expect(effects().isEmpty)
        try core.announce(BrokerPublication(Message("y"), to: "a.b", retain: true))
        #expect(effects() == ["a.b=y kept to 2:20"])
    }

    @Test mutating func whatIsRetainedGoesToThoseWhoSubscribeLater() throws {
        connect(1)
        _ = try core.publish(BrokerPublication(Message("1"), to: "b", retain: true))
        _ = try core.publish(BrokerPublication(Message("2"), to: "a", retain: true, expiresAt: .seconds(5)))
        _ = try core.publish(BrokerPublication(Message("3"), to: "c.d", retain: true))
        #expect(core.nextDeadline == .seconds(5))
        subscribe(1, 1, to: "#")
        #expect(effects() == ["a=2 kept to 1:1", "b=1 kept to 1:1", "c.d=3 kept to 1:1"])
        subscribe(1, 2, to: "a", now: .seconds(5))
        #expect(effects() == [], "it has expired, whether or not it was taken out")
        core.expire(at: .seconds(5))
        #expect(core.nextDeadline == nil)
        _ = try core.publish(BrokerPublication(Message(), to: "b", retain: true))
        subscribe(1, 3, to: "*")
        #expect(effects() == [])
    }

    @Test mutating func retainedTopicsAreLimited() throws {
        core = BrokerCore(MemoryBroker.Options(retainedTopics: 1))
        connect(1, will: Will(topic: "gone", message: Message("1"), retain: true))
        connect(2)
        subscribe(2, 20, to: "gone")
        _ = try core.publish(BrokerPublication(Message("1"), to: "a", retain: true))
        _ = try core.publish(BrokerPublication(Message("2"), to: "a", retain: true))
        var full = core
        #expect(throws: MessagingError.self) {
            _ = try full.publish(BrokerPublication(Message("1"), to: "b", retain: true))
        }
        core.cut(1, now: .zero)
        #expect(effects() == ["gone=1 to 2:20", "gone 1 lost"], "a will that can't be kept still arrives")
    }

    /// What the broker says of itself takes nobody's room, and needs none.
    @Test func whatTheBrokerSaysCountsInNoLimit() throws {
        var core = BrokerCore(MemoryBroker.Options(retainedTopics: 1, retainedBytes: 4))
        func keeps(_ text: String, _ topic: TopicName, of client: Int? = 1) -> Bool {
            let publication = BrokerPublication(Message(text), to: topic, retain: true, publisher: client)
            return (try? core.publish(publication)) != nil
        }
        #expect(keeps("12345", "$SYS.broker.uptime", of: nil))
        #expect(keeps("1234", "a"))
        #expect(keeps("12345", "$SYS.broker.version", of: nil))
        #expect(keeps("123456", "$SYS.broker.uptime", of: nil))
        #expect(!keeps("1", "b"))
        #expect(!keeps("1", "$SYS.mine"), "it is not of the broker because it looks so")
        #expect(keeps("", "$SYS.broker.version", of: nil))
        #expect(!keeps("1", "b"))
        #expect(keeps("", "a"))
        #expect(keeps("1234", "b"))
        #expect(core.keptCount == 2)
    }

    @Test mutating func aClientIsToldGoneOnceEachTimeItGoes() {
        connect(1)
        core.cut(1, now: .zero)
        core.cut(1, now: .zero)
        core.disconnect(1, now: .zero)
        core.disconnect(1, now: .zero)
        #expect(effects() == ["gone 1 lost"])
        connect(2)
        core.cut(2, now: .zero)
        core.restore(2, now: .zero)
        core.restore(2, now: .zero)
        core.disconnect(2, now: .zero)
        #expect(effects() == ["gone 2 lost", "gone 2 in order"])
    }

    @Test mutating func aLinkThatComesBackFindsItsInterests() throws {
        connect(1)
        connect(2)
        subscribe(1, 10, to: "a")
        try consume(1, 11, from: "q", prefetch: 2)
        try consume(2, 20, from: "q", prefetch: 9)
        for text in ["x", "y", "z"] { _ = try core.send(Message(text), to: "q", SendOptions(), now: .zero) }
        #expect(effects() == ["q=x #1 to 1:11", "q=y #2 to 2:20", "q=z #3 to 1:11"])
        core.cut(1, now: .zero)
        #expect(effects() == ["q=x #4 to 2:20", "q=z #5 to 2:20", "gone 1 lost"])
        #expect(try publish("lost", to: "a") == [])
        let cut = core
        #expect(throws: MessagingError.self) { try cut.checkOnline(1) }
        core.restore(1, now: .zero)
        #expect(try publish("back", to: "a") == [10])
        for text in ["v", "w"] { _ = try core.send(Message(text), to: "q", SendOptions(), now: .zero) }
        #expect(effects() == ["q=v #6 to 2:20", "q=w #7 to 1:11"])
        core.disconnect(1, now: .zero)
        #expect(effects() == ["q=w #8 to 2:20", "end 10", "end 11", "gone 1 in order"])
    }

    @Test mutating func sendersWaitUnderANumberUntilThereIsRoom() throws {
        connect(1)
        try core.declare("q", QueueOptions(limit: 1))
        #expect(try core.send(Message("a"), to: "q", SendOptions(), now: .zero) == nil)
        let b = try #require(try core.send(Message("b"), to: "q", SendOptions(expiry: .seconds(1)), now: .zero))
        let c = try #require(try core.send(Message("c"), to: "q", SendOptions(), now: .zero))
        let d = try #require(try core.send(Message("d"), to: "q", SendOptions(), now: .zero))
        #expect(core.nextDeadline == .seconds(1))
        core.expire(at: .seconds(1))
        #expect(effects() == ["expire \(b)"])
        #expect(core.nextDeadline == nil)
        let wasParked = core.withdraw(c, from: "q")
        #expect(wasParked)
        let isParked = core.withdraw(c, from: "q")
        #expect(!isParked)
        try consume(1, 10, from: "q")
        #expect(effects() == ["q=a #1 to 1:10", "admit \(d)"])
        core.settle(1, as: .ack, now: .zero)
        #expect(effects() == ["q=d #2 to 1:10"])
    }

    @Test mutating func repliesGoToTheClientThatHearsTheAddress() {
        connect(1)
        let (secret, other) = (ReplyAddresses.make(), ReplyAddresses.make())
        #expect(core.hearReplies(1, at: secret) == secret)
        #expect(core.hearReplies(1, at: other) == secret, "a client has one address")
        for (address, isHeard) in [
            (secret, true), (secret + "/1", true), (other, false), ("reply.1", false), ("", false),
            (secret + "1", false),
        ] {
            let arrives = core.reply(Message("x"), to: address)
            #expect(arrives == isHeard, "\(address)")
        }
        #expect(effects() == ["\(secret)=x to 1", "\(secret)/1=x to 1"])
        core.cut(1, now: .zero)
        let reachesLostLink = core.reply(Message("x"), to: secret)
        #expect(!reachesLostLink)
        core.restore(1, now: .zero)
        core.disconnect(1, now: .zero)
        let reachesNobody = core.reply(Message("x"), to: secret)
        #expect(!reachesNobody)
        #expect(core.statistics.undeliverableReplies == 6)
    }

    /// The deadline of queues and retained messages is one, and each look takes out exactly what is due.
    @Test mutating func thereIsOneNextDeadline() throws {
        connect(1)
        try core.declare("q", QueueOptions(timeToLive: .seconds(3), deadLetters: "dead"))
        _ = try core.publish(BrokerPublication(Message("r"), to: "r", retain: true, expiresAt: .seconds(2)))
        for second in 1...2 { _ = try core.send(Message("\(second)"), to: "q", SendOptions(), now: .seconds(second)) }
        _ = try core.send(Message("3"), to: "p", SendOptions(expiry: .seconds(9)), now: .zero)
        var deadlines: [Duration] = []
        while let deadline = core.nextDeadline {
            deadlines.append(deadline)
            core.expire(at: deadline)
        }
        #expect(deadlines == [.seconds(2), .seconds(4), .seconds(5), .seconds(9)])
        try consume(1, 10, from: "dead", prefetch: 9)
        #expect(effects() == ["dead=1 #1 to 1:10", "dead=2 #2 to 1:10"])
        #expect(core.presence.queues.map(\.name) == ["dead", "q"], "p is empty and nobody declared it")
    }

    /// A message that expires in a consumer's hand becomes a dead letter when it is put back.
    @Test mutating func whatExpiresInHandDiesWhenItIsPutBack() throws {
        connect(1)
        try consume(1, 10, from: "q")
        _ = try core.send(Message("x"), to: "q", SendOptions(expiry: .seconds(1)), now: .zero)
        core.expire(at: .seconds(1))
        core.stopConsuming(Recipient(client: 1, number: 10))
        core.settle(1, as: .requeue, now: .seconds(2))
        core.expire(at: .seconds(2))
        #expect(core.statistics.droppedDeadLetters == 1)
        #expect(core.nextDeadline == nil)
        #expect(core.presence.queues.isEmpty)
    }

    @Test func theBytesOfWhatIsRetainedAreBounded() throws {
        var core = BrokerCore(MemoryBroker.Options(retainedBytes: 10))
        func keeps(_ text: String, _ topic: TopicName, until time: Duration? = nil) -> Bool {
            let publication = BrokerPublication(Message(text), to: topic, retain: true, expiresAt: time)
            return (try? core.publish(publication)) != nil
        }
        #expect(keeps("12345", "a", until: .seconds(1)))
        #expect(keeps("12345", "b"))
        #expect(!keeps("1", "c"))
        #expect(keeps("54321", "b"), "it takes the place of another")
        #expect(!keeps("123456", "b"))
        core.expire(at: .seconds(1))
        #expect(keeps("12345", "c"))
        #expect(!keeps("1", "d"))
        #expect(keeps("", "b"))
        #expect(keeps("12345", "d"))
    }
}
