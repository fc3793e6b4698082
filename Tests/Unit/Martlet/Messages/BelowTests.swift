import Martlet
import Testing

/// Names below a base, and what a pattern's wildcards stand for.
@Suite(.timeLimit(.minutes(10))) struct BelowTests {
    @Test func aNameBelowAnother() throws {
        #expect(TopicName("lamp.power").below("house.kitchen") == "house.kitchen.lamp.power")
        #expect(QueueName("jobs").below("house").text == "house.jobs")
        #expect(TopicName("x").below("").segments == ["", "x"])
        // What is reserved in a segment stays in it.
        let odd = TopicName(segments: ["a/b", "*", "50%"]).below(TopicName(segments: ["v1.2", ""]))
        #expect(odd.segments == ["v1.2", "", "a/b", "*", "50%"])
        try odd.validate()
        #expect(TopicName(mqtt: "a/b").below(TopicName(mqtt: "spBv1.0/c")).mqtt == "spBv1.0/c/a/b")
    }

    @Test func whatIsWrongWithEitherIsWrongWithBoth() {
        #expect(throws: MessagingError.self) { try TopicName("a.*").below("b").validate() }
        #expect(throws: MessagingError.self) { try TopicName("a").below("b.#").validate() }
        #expect(throws: MessagingError.self) { try TopicPattern("#.a").below("b").validate() }
        #expect(throws: MessagingError.self) { try TopicPattern("a.#").below("b.*").validate() }
        #expect(throws: MessagingError.self) { try TopicPattern("a").below(TopicName(segments: [])).validate() }
        let long = TopicName(segments: Array(repeating: "a", count: 200))
        #expect(throws: MessagingError.self) { try long.below(long).validate() }
    }

    @Test func aPatternBelowAName() throws {
        let pattern = TopicPattern("*.state.#").below("house")
        try pattern.validate()
        #expect(pattern == "house.*.state.#")
        #expect(pattern.matches("house.lamp.state"))
        #expect(!pattern.matches("lamp.state"))
        // A wildcard that stands first leaves out what brokers keep for themselves; here it stands first no more.
        #expect(!TopicPattern("#").matches("$SYS.load"))
        #expect(TopicPattern("#").below("$SYS").matches("$SYS.load"))
        #expect(TopicPattern("#").below("a.b") == "a.b.#")
        #expect(
            TopicPattern(mqtt: "$share/workers/jobs/#").below("plant")
                == TopicPattern(mqtt: "$share/workers/plant/jobs/#")
        )
    }

    @Test func contractsBelowAName() {
        let base: TopicName = "house"
        #expect(Topic<Int>("a").below(base) == Topic("house.a"))
        #expect(TopicFilter<Int>("a.*").below(base) == TopicFilter("house.a.*"))
        #expect(Queue<Int>("a").below(base) == Queue("house.a"))
        #expect(RPC<Int, Int>("a").below(base) == RPC("house.a"))
        #expect(StreamingRPC<Int, Int>("a").below(base) == StreamingRPC("house.a"))
        #expect(Action<Int, Int, Int>("a").below(base) == Action("house.a"))
    }

    @Test(
        arguments: [
            ("sms.send.#", "sms.send.49.170", ["49", "170"]), ("sms.send.#", "sms.send", []), ("#", "a.b", ["a", "b"]),
            ("*.b.#", "a.b.c", ["c"]), ("a.#", "b.c", nil), ("a.*", "a.b", nil), ("#", "$SYS.a", nil),
            ("a.#", "a.", [""]), ("a.#", "a.x%2Ey.", ["x.y", ""]), ("#.a.#", "b", ["b"]),
        ] as [(TopicPattern, TopicName, [String]?)]
    )
    func theRest(_ pattern: TopicPattern, _ topic: TopicName, _ rest: [String]?) {
        #expect(pattern.rest(of: topic) == rest)
    }

    @Test(
        arguments: [
            ("*.b.*", "a.b.c", ["a", "c"]), ("a.b", "a.b", []), ("*.#", "a.b.c", ["a"]), ("*", "a.b", nil),
            ("*", "", [""]), ("*", "x%2Ey", ["x.y"]), ("*", "$SYS", nil),
        ] as [(TopicPattern, TopicName, [String]?)]
    )
    func theCaptures(_ pattern: TopicPattern, _ topic: TopicName, _ captures: [String]?) {
        #expect(pattern.captures(in: topic) == captures)
    }

    @Test func deliveriesKnowTheirRest() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let below = try await connection.subscribe(to: TopicFilter<Int>("a.#"))
        let plain = try await connection.subscribe(to: "a.*")
        for topic in ["a", "a.b", "a.b.c"] as [TopicName] { try await connection.publish(1, to: Topic(topic)) }
        #expect(try await below.next()?.rest == [])
        #expect(try await below.next()?.rest == ["b"])
        #expect(try await below.next()?.delivery.rest == ["b", "c"])
        #expect(try await plain.next()?.rest == [])
        let (subscription, feed) = Subscription.makeSubscription(to: "x.#", limit: 1) {}
        #expect(feed.offer(Delivery(topic: "x.y", message: Message())) == .taken)
        #expect(try await subscription.next()?.rest == ["y"])
    }
}
