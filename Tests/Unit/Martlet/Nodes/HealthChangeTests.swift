import Martlet
import MartletTesting
import Testing

/// What a node says of itself beyond its heartbeat.
@Suite(.timeLimit(.minutes(10))) struct HealthChangeTests {
    @Test func changesAreToldUntilTheNodeHasEnded() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Subscribe(to: "a") { (_: Delivery) in throw Fault() } }
        var changes = node.healthChanges().makeAsyncIterator()
        #expect(await changes.next()?.state == .idle)
        async let run: Void = node.run()
        while let health = await changes.next(), !(health.state == .running && health.components[0].state == .running) {
        }
        try await fixture.peer.publish(Message(), to: "a")
        while let health = await changes.next(), health.components[0].handlerErrors == 0 {}
        try await node.waitUntilReady()
        async let stopped: Void = node.stop()
        while let health = await changes.next(), health.state != .stopped {}
        try await stopped
        await fixture.connection.close()
        while let health = await changes.next(), health.state != .exited {}
        #expect(await changes.next() == nil)
        do {
            try await run
            Issue.record("the node ended without an error")
        } catch is MessagingError {}
        // Another one comes too late for anything but the end.
        var late = node.healthChanges().makeAsyncIterator()
        #expect(await late.next()?.state == .exited)
        #expect(await late.next() == nil)
    }

    @Test func whoeverIsCancelledFollowsNoMore() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node {}
        let follower = Task {
            var count = 0
            for await _ in node.healthChanges() { count += 1 }
            return count
        }
        follower.cancel()
        #expect(await follower.value <= 1)
    }

    @Test func onlineIsSaidAgainAtIntervals() async throws {
        let fixture = try await NodeFixture(will: Node.will(for: "arm"))
        let online = try await fixture.peer.subscribe(to: "arm.online")
        let options = NodeOptions(heartbeat: nil, online: .every(.seconds(180)))
        try await running(fixture.node(options: options) {}) {
            #expect(try await online.next()?.message.text == "1")
            try await fixture.advance(to: .seconds(180))
            #expect(try await online.next()?.message.text == "1")
            try await fixture.advance(to: .seconds(360))
            #expect(try await online.next()?.message.text == "1")
            #expect(online.nextIfReady() == nil)
        }
        #expect(try await online.next()?.message.text == "0")
        let node = fixture.node(options: NodeOptions(online: .every(.zero))) {}
        #expect(await errorCode { try await node.run() } == .invalidArgument)
    }

    @Test func aWillThatDoesNotTakeOnlineBackIsWarnedOf() async throws {
        func lines(_ will: Will?, _ online: OnlineAnnouncement? = .standard) async throws -> [String] {
            let fixture = try await NodeFixture(will: will)
            try await running(fixture.node(options: NodeOptions(heartbeat: nil, online: online)) {}) {}
            return fixture.logs.lines.filter { $0.contains("will") }
        }
        #expect(try await lines(nil).first?.contains("topic=arm.online will=none") == true)
        #expect(try await lines(Node.will(for: "leg")).first?.contains("will=leg.online") == true)
        #expect(try await lines(Will(topic: "arm.online", message: Message("0"), retain: false)).count == 1)
        #expect(try await lines(Node.will(for: "arm")) == [])
        #expect(try await lines(nil, nil) == [])
    }

    @Test func itsTopicsAreBelowItsBase() async throws {
        let fixture = try await NodeFixture()
        let heard = try await fixture.peer.subscribe(to: "house.#")
        let base: TopicName = "house.kitchen"
        let options = NodeOptions(online: .standard, remoteControl: true, base: base)
        let seen = Recorder<TopicName>()
        let node = fixture.node("lamp", options: options) { BaseComponent(seen: seen) }
        #expect(node.base == base)
        #expect(node.name == "lamp")
        try await running(node) {
            var topics: Set<TopicName> = []
            for _ in 0..<2 { if let topic = try await heard.next()?.topic { topics.insert(topic) } }
            #expect(topics == ["house.kitchen.heartbeat", "house.kitchen.online"])
            let health = try await fixture.peer.call(RPC<JSON, NodeHealth>("house.kitchen.health"), [:])
            #expect(health.name == "lamp")
        }
        #expect(seen.values == [base])
        #expect(Node.will(for: "lamp", base: base).topic == "house.kitchen.online")
    }

    @Test func aNodesNameMayHaveSegments() async throws {
        let fixture = try await NodeFixture()
        let name = TopicName(mqtt: "house/v1.2/left-lamp")
        let online = try await fixture.peer.subscribe(to: TopicPattern(name.appending("online")))
        let node = Node(name, on: fixture.connection, options: NodeOptions(heartbeat: nil, online: .standard)) {}
        #expect(node.base == name)
        let said = try await running(node) { try await online.next()?.message.text }
        #expect(said == "1")
        #expect(Node.will(for: name).topic.mqtt == "house/v1.2/left-lamp/online")
    }
}

private struct BaseComponent: Component {
    let seen: Recorder<TopicName>
    func run(in context: NodeContext) async throws { seen.record(context.base) }
}
