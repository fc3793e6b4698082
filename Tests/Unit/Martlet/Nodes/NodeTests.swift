import Martlet
import MartletTesting
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(10)))
struct NodeTests {
    private let echo = RPC<Int, Int>("echo")

    // MARK: Names

    @Test(arguments: [("arm", "arm"), ("robot-1.left-arm", "robot_1.left_arm")])
    func aNameIsMadeAsPeersMakeIt(_ written: String, _ name: String) async throws {
        #expect(try await NodeFixture().node(written) {}.name == name)
    }

    @Test func noNameBecomes32HexadecimalDigits() async throws {
        let fixture = try await NodeFixture()
        let name = fixture.node("") {}.name
        #expect(name.count == 32)
        #expect(name.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        #expect(fixture.node("") {}.name != name)
    }

    @Test(arguments: ["*", "a.*", "a.#.b", "a\u{0}"])
    func aNameThatCannotBeginATopicIsAnErrorAtStart(_ name: String) async throws {
        let node = try await NodeFixture().node(name) {}
        #expect(await code { try await node.run() } == .invalidArgument)
    }

    @Test(arguments: [
        NodeOptions(heartbeat: .every(.zero)), NodeOptions(heartbeat: .every(.seconds(1), on: "a.*")),
        NodeOptions(online: .on("#")), NodeOptions(drainLimit: .seconds(-1)),
    ])
    func optionsThatHaveNoMeaningAreAnErrorAtStart(_ options: NodeOptions) async throws {
        let node = try await NodeFixture().node(options: options) {}
        #expect([.invalidArgument, .invalidTopic].contains(await code { try await node.run() }))
        #expect(node.state == .idle)
    }

    // MARK: Running

    @Test func itRunsOnce() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Respond(to: echo) { $0 } }
        #expect(node.state == .idle)
        try await running(node) { () async throws in
            #expect(node.state == .running)
            #expect(await code { try await node.run() } == .alreadyRunning)
            #expect(try await fixture.peer.call(echo, 1) == 1)
        }
        #expect(node.state == .exited)
        #expect(await code { try await node.run() } == .alreadyRunning)
    }

    @Test func itEndsWhenItsComponentsHave() async throws {
        let fixture = try await NodeFixture()
        let done = Recorder<String>()
        try await fixture.node {
            Execute("a", restart: .never) { done.record("a") }
            Execute("b", restart: .never) { done.record("b") }
        }
        .run()
        #expect(Set(done.values) == ["a", "b"])
    }

    @Test func withoutComponentsItStays() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node(options: NodeOptions()) {}
        let beats = try await fixture.peer.subscribe(to: TopicFilter<Heartbeat>("arm.heartbeat"))
        try await running(node) {
            _ = try await beats.next()
            try await fixture.advance(to: .seconds(10))
            _ = try await beats.next()
            #expect(node.state == .running)
        }
    }

    @Test func cancellingItLeavesNothingBehind() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node(options: NodeOptions(online: .standard, remoteControl: true)) {
            Respond(to: echo) { $0 }
            Subscribe(to: "a.*") { _ in }
            Consume(from: "jobs") { _ in }
            Listen(to: "events.#", for: NoPayload.self) { _ in }
            Every(.seconds(1)) {}
            Execute {}
        }
        let run = Task { try await node.run() }
        try await node.waitUntilReady()
        await until { fixture.openAtBroker.contains("arm.health") }
        #expect(Set(["echo", "a.*", "jobs", "events.#", "arm.start", "arm.stop"]).isSubset(of: fixture.openAtBroker))
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(fixture.openAtBroker.isEmpty)
        #expect(await code { _ = try await fixture.peer.call(echo, 1) } == .noResponder)
    }

    @Test func cancellingItCancelsTheHandlersWhoseCallersHearOfIt() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let node = fixture.node {
            Respond(to: echo) { number in
                begun.signal()
                try await Recorder<Void>().wait(for: 1)
                return number
            }
        }
        let run = Task { try await node.run() }
        try await node.waitUntilReady()
        async let answer = code { _ = try await fixture.peer.call(echo, 1) }
        try await begun.wait(for: 1)
        run.cancel()
        #expect(await answer == .shuttingDown)
        await #expect(throws: CancellationError.self) { try await run.value }
    }

    @Test func itEndsWhenItsConnectionIsClosed() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node {
            Respond(to: echo) { $0 }.onFailure(.restart())
            Every(.seconds(1)) {}
        }
        let error = await outcome(of: node) {
            try await node.waitUntilReady()
            await fixture.connection.close()
        }
        #expect(code(of: error) == .connectionClosed)
    }

    @Test func withoutALinkItsComponentsAreOpenedWhenThereIsOne() async throws {
        let fixture = try await NodeFixture()
        fixture.connection.cut()
        let node = fixture.node {
            Respond(to: echo) { $0 }
            Subscribe(to: "a") { _ in }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await node.run() }
            // Both have tried, and found no link, which is no failure.
            var outcomes: [String] = []
            await until {
                outcomes = fixture.logs.lines.filter { $0.hasPrefix("the component") }
                return outcomes.count == 2 || outcomes.contains { $0.contains("failed") }
            }
            try #require(outcomes.allSatisfy { $0.hasPrefix("the component waits for a link") }, "\(outcomes)")
            #expect(node.health.components.map(\.state) == [.starting, .starting])
            fixture.connection.restore()
            await until {
                fixture.clock.advanceToNextDeadline()
                return node.health.components.allSatisfy { $0.state == .running }
            }
            let answer = try await fixture.peer.call(echo, 1)
            #expect(answer == 1)
            group.cancelAll()
        }
    }

    @Test func aLostLinkDoesNotEndIt() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node(options: NodeOptions()) { Respond(to: echo) { $0 } }
        try await running(node) {
            fixture.connection.cut()
            try await fixture.advance(to: .seconds(10))
            await until { fixture.logs.lines.contains { $0.hasPrefix("a heartbeat was not sent") } }
            fixture.connection.restore()
            #expect(try await fixture.peer.call(echo, 1) == 1)
        }
    }

    @Test func severalRunOnOneConnectionAndOnSeveral() async throws {
        let fixture = try await NodeFixture()
        let other = MemoryBroker()
        let elsewhere = try await other.connect(name: "elsewhere")
        let arm = fixture.node("arm") { Respond(to: RPC<Int, String>("arm.ask")) { "arm \($0)" } }
        let leg = fixture.node("leg") { Respond(to: RPC<Int, String>("leg.ask")) { "leg \($0)" } }
        let far = Node("arm", on: elsewhere) { Respond(to: RPC<Int, String>("arm.ask")) { "far \($0)" } }
        try await running(arm) {
            try await running(leg) {
                try await running(far) { () async throws in
                    #expect(try await fixture.peer.call(RPC<Int, String>("arm.ask"), 1) == "arm 1")
                    #expect(try await fixture.peer.call(RPC<Int, String>("leg.ask"), 2) == "leg 2")
                    #expect(try await elsewhere.call(RPC<Int, String>("arm.ask"), 3) == "far 3")
                }
                #expect(arm.state == .running)
            }
            #expect(leg.state == .exited)
            #expect(try await fixture.peer.call(RPC<Int, String>("arm.ask"), 4) == "arm 4")
        }
    }

    // MARK: Waiting for it

    @Test func waitingForANodeThatNobodyRunsEnds() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Respond(to: echo) { $0 } }
        async let waiting = code { try await node.waitUntilReady(within: .seconds(3)) }
        try await fixture.advance(to: .seconds(3))
        #expect(await waiting == .timeout)
        #expect(await code { try await node.stop() } == .notRunning)
        #expect(await code { try await node.start() } == .notRunning)
    }

    @Test func waitingForANodeThatHasEndedThrows() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Execute(restart: .never) {} }
        try await node.run()
        #expect(await code { try await node.waitUntilReady() } == .notRunning)
    }
}
