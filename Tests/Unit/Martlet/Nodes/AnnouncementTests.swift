import Martlet
import MartletTesting
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(10)))
struct AnnouncementTests {
    // MARK: Heartbeat

    @Test func theHeartbeatComesAtOnceAndEveryTenSecondsByDefault() async throws {
        let fixture = try await NodeFixture()
        let beats = try await fixture.peer.subscribe(to: "my_node.x.heartbeat")
        let node = fixture.node("my-node.x", options: NodeOptions()) {}
        let before = WallClock.nanoseconds
        try await running(node) {
            let first = try #require(try await beats.next())
            #expect(first.message.text?.hasPrefix(#"{"ts":1"#) == true)
            let beat = try JSONCodec().decode([String: Int64].self, from: first.message.body)
            #expect(beat.keys.sorted() == ["ts"])
            #expect((before...WallClock.nanoseconds).contains(beat["ts"] ?? 0))
            for time in [10, 20, 30] {
                #expect(beats.nextIfReady() == nil)
                try await fixture.advance(to: .seconds(time))
                #expect(try await beats.next() != nil)
            }
        }
    }

    @Test func itsTopicAndIntervalAreOptions() async throws {
        let fixture = try await NodeFixture()
        let beats = try await fixture.peer.subscribe(to: TopicFilter<Heartbeat>("alive.arm"))
        let node = fixture.node(options: NodeOptions(heartbeat: .every(.seconds(1), on: "alive.arm"))) {}
        try await running(node) {
            for time in 1...3 {
                #expect(try await beats.next() != nil)
                try await fixture.advance(to: .seconds(time))
            }
        }
    }

    @Test func itCanBeSwitchedOff() async throws {
        let fixture = try await NodeFixture()
        let everything = try await fixture.peer.subscribe(to: "#")
        let node = fixture.node {}
        try await running(node) {
            fixture.clock.advance(by: .seconds(100))
            for _ in 0..<100 { await Task.yield() }
        }
        #expect(everything.nextIfReady() == nil)
    }

    // MARK: Online

    @Test func itAnnouncesItsStartAndItsEndRetained() async throws {
        let fixture = try await NodeFixture()
        let online = try await fixture.peer.subscribe(to: "arm.online")
        let node = fixture.node(options: NodeOptions(heartbeat: nil, online: .standard)) { Subscribe(to: "a") { _ in } }
        try await running(node) {
            #expect(try await online.next()?.message.text == "1")
            let late = try await fixture.peer.subscribe(to: "arm.online")
            #expect(try await late.next()?.message.text == "1")
        }
        #expect(try await online.next()?.message.text == "0")
        let late = try await fixture.peer.subscribe(to: "arm.online")
        #expect(try await late.next()?.message.text == "0")
    }

    /// Its topic to stop it may hold a value that it reads before its components are ready.
    @Test func oneThatIsStoppedBeforeItIsReadyIsOnlineToo() async throws {
        let fixture = try await NodeFixture()
        let online = try await fixture.peer.subscribe(to: "arm.online")
        let described = try await fixture.peer.subscribe(to: "arm.describe")
        let options = NodeOptions(heartbeat: nil, online: .standard, describes: .retained(version: "1.2"))
        let node = fixture.node(options: options) { NeverReady() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await node.run() }
            for await health in node.healthChanges() where health.state == .running { break }
            try await node.stop()
            #expect(try await online.next()?.message.text == "1")
            #expect(try await described.next() != nil)
            group.cancelAll()
        }
    }

    @Test func itAnnouncesItsEndAlsoWhenItFails() async throws {
        let fixture = try await NodeFixture()
        let online = try await fixture.peer.subscribe(to: "here.arm")
        let fail = Recorder<Void>()
        let node = fixture.node(options: NodeOptions(heartbeat: nil, online: .on("here.arm"))) {
            Execute(restart: .never) {
                try await fail.wait(for: 1)
                throw Fault()
            }
        }
        let error = await outcome(of: node) { () async throws in
            #expect(try await online.next()?.message.text == "1")
            fail.signal()
        }
        #expect(error as? Fault == Fault())
        #expect(try await online.next()?.message.text == "0")
    }

    @Test func theWillSaysThatItIsOfflineAndItIsBackWithTheLink() async throws {
        let fixture = try await NodeFixture(will: Node.will(for: "left-arm"))
        let online = try await fixture.peer.subscribe(to: "left_arm.online")
        let node = fixture.node("left-arm", options: NodeOptions(heartbeat: nil, online: .standard)) {}
        try await running(node) {
            #expect(try await online.next()?.message.text == "1")
            fixture.connection.cut()
            #expect(try await online.next()?.message.text == "0")
            let late = try await fixture.peer.subscribe(to: "left_arm.online")
            #expect(try await late.next()?.message.text == "0")
            fixture.connection.restore()
            #expect(try await online.next()?.message.text == "1")
        }
    }

    /// What it retains would be under another name each time it is started.
    @Test func oneWithoutANameCanNotSayWhetherItIsOnline() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node("", options: NodeOptions(heartbeat: nil, online: .standard)) {}
        let error = await #expect(throws: MessagingError.self) { try await node.run() }
        #expect(error?.code == .invalidArgument)
        let named = fixture.node("", options: NodeOptions(heartbeat: nil, online: .on("here.arm"))) {}
        try await running(named) {}
    }

    @Test func theWillFollowsTheAnnouncementsTopic() {
        let will = Node.will(for: "arm", announcement: .on("here.arm"))
        #expect(will == Will(topic: "here.arm", message: Message("0"), retain: true))
    }
}

private struct NeverReady: Component {
    var name: String { "NeverReady" }
    var reportsReadiness: Bool { true }

    func run(in context: NodeContext) async throws {
        try await cancelWhenGracefulShutdown { try await Promise<Void>().value() }
    }
}
