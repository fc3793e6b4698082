import Logging
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import struct Martlet.ControlMemory
@testable import struct Martlet.ControlReply
@testable import class Martlet.Node
@testable import class Martlet.Runner

@Suite(.timeLimit(.minutes(10)))
struct RemoteControlTests {
    private let echo = RPC<Int, Int>("echo")
    private let options = NodeOptions(remoteControl: true)
    private let done = #"{"error":"","status":0}"#
    private let wrongState = #"{"error":"Cannot make the transition from current state!","status":1}"#

    /// The answer's JSON, its keys in order.
    private func ask(_ procedure: QueueName, _ fixture: NodeFixture) async throws -> String {
        let reply = try await fixture.peer.call(procedure, Message("{}"))
        struct Reply: Codable {
            let status: Int
            let error: String
        }
        let read = try JSONCodec().decode(Reply.self, from: reply.body)
        return #"{"error":"\#(read.error)","status":\#(read.status)}"#
    }

    private func controlled(
        _ fixture: NodeFixture,
        @ComponentBuilder components: () -> [any Component],
        _ body: (Node) async throws -> Void
    ) async throws {
        let node = fixture.node(options: options, components: components)
        try await running(node) {
            await until { Set(["arm.start", "arm.stop", "arm.health"]).isSubset(of: fixture.openAtBroker) }
            try await body(node)
        }
    }

    /// An ID that only looks like another is of another request.
    @Test func requestsWhoseIDsLookAlikeAreTwo() {
        var memory = ControlMemory()
        func status(_ id: String, _ new: Int) -> Int {
            let request = ControlMemory.Request(.stop, ["correlation-id": .string(id), "reply-to": "a"])
            return memory.reply(to: request) { ControlReply(status: new) }.status
        }
        #expect(status("caf\u{e9}", 1) == 1)
        #expect(status("cafe\u{301}", 2) == 2)
        #expect(status("caf\u{e9}", 3) == 1)
    }

    @Test func stopStopsTheComponentsAndStartStartsThemAgain() async throws {
        let fixture = try await NodeFixture()
        let ticks = Recorder<Void>()
        let beats = try await fixture.peer.subscribe(to: "arm.heartbeat")
        try await controlled(fixture) {
            Respond(to: echo) { $0 }
            Subscribe(to: "a") { _ in }
            Every(.seconds(60)) { ticks.signal() }
        } _: { (node: Node) async throws in
            for round in 1...3 {
                try await ticks.wait(for: round)
                #expect(try await fixture.peer.call(echo, round) == round)
                #expect(try await ask("arm.stop", fixture) == done)
                #expect(node.state == .stopped)
                #expect(node.health.components.map(\.state) == [.idle, .idle, .idle])
                #expect(!fixture.openAtBroker.contains("echo") && !fixture.openAtBroker.contains("a"))
                #expect(await code { _ = try await fixture.peer.call(echo, 1) } == .noResponder)
                #expect(try await beats.next() != nil)
                try await fixture.advance(to: .seconds(10 * round))
                #expect(ticks.values.count == round)
                #expect(try await ask("arm.start", fixture) == done)
                #expect(node.state == .running)
            }
            #expect(try await fixture.peer.call(echo, 9) == 9)
            #expect(fixture.openAtBroker.count { $0 == "arm.start" } == 1)
        }
    }

    @Test func inTheWrongStateTheAnswerSaysSo() async throws {
        let fixture = try await NodeFixture()
        try await controlled(fixture) {
            Respond(to: echo) { $0 }
        } _: { (node: Node) async throws in
            #expect(try await ask("arm.start", fixture) == wrongState)
            #expect(try await ask("arm.stop", fixture) == done)
            #expect(try await ask("arm.stop", fixture) == wrongState)
            #expect(node.state == .stopped)
        }
    }

    @Test func stopFinishesWorkInHand() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let release = Recorder<Void>()
        try await controlled(fixture) {
            Respond(to: echo) { number in
                begun.signal()
                try await release.wait(for: 1)
                return number
            }
        } _: { (node: Node) async throws in
            async let answer = fixture.peer.call(echo, 7)
            try await begun.wait(for: 1)
            async let stopped = ask("arm.stop", fixture)
            await until { node.state == .stopping && !fixture.openAtBroker.contains("echo") }
            #expect(try await ask("arm.stop", fixture) == wrongState)
            #expect(try await ask("arm.start", fixture) == wrongState)
            release.signal()
            #expect(try await answer == 7)
            #expect(try await stopped == done)
        }
    }

    @Test func stopCancelsWhatExceedsTheLimit() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let node = fixture.node(options: NodeOptions(heartbeat: nil, remoteControl: true, drainLimit: .seconds(5))) {
            Respond(to: echo) { number in
                begun.signal()
                try await Recorder<Void>().wait(for: 1)
                return number
            }
        }
        try await running(node) {
            async let answer = code { _ = try await fixture.peer.call(echo, 7) }
            try await begun.wait(for: 1)
            async let stopped: Void = node.stop()
            try await fixture.advance(to: .seconds(5))
            #expect(await answer == .shuttingDown)
            try await stopped
            #expect(node.state == .stopped)
            try await node.start()
            #expect(node.health.isHealthy)
        }
    }

    @Test func aNodeWhoseComponentsHaveEndedCanBeStartedAgain() async throws {
        let fixture = try await NodeFixture()
        let runs = Recorder<Void>()
        try await controlled(fixture) {
            Execute(restart: .never) { runs.signal() }
        } _: { (node: Node) async throws in
            await until { node.health.components.first?.state == .ended }
            #expect(try await ask("arm.stop", fixture) == done)
            #expect(try await ask("arm.start", fixture) == done)
            try await runs.wait(for: 2)
        }
    }

    // MARK: Twice, and together

    /// A broker may deliver a request a second time, long after it was answered.
    @Test func aRequestThatArrivesTwiceIsObeyedOnce() async throws {
        let fixture = try await NodeFixture()
        let replies = Recorder<String>()
        let raw = try await fixture.broker.connect(name: "raw")
        let address = try await raw.openReplyAddress { reply, _ in replies.record(reply.text ?? "?") }
        func send(_ procedure: QueueName, _ id: String) async throws {
            let headers: Headers = ["correlation-id": .string(id), "reply-to": .string(address.address(for: id))]
            let count = replies.values.count
            try await raw.send(Message("{}", headers: headers), to: procedure)
            try await replies.wait(for: count + 1)
        }
        try await controlled(fixture) {
            Respond(to: echo) { $0 }
        } _: { (node: Node) async throws in
            try await send("arm.stop", "1")
            try await send("arm.start", "2")
            try await send("arm.stop", "1")
            #expect(node.state == .running)
            #expect(try await fixture.peer.call(echo, 1) == 1)
            try await send("arm.start", "2")
            #expect(node.state == .running)
            try await send("arm.stop", "3")
            #expect(node.state == .stopped)
            try await send("arm.start", "2")
            #expect(node.state == .stopped)
            #expect(replies.values.allSatisfy { $0.contains(#""status":0"#) }, "\(replies.values)")
        }
    }

    /// A node that is ready can be controlled.
    @Test func itIsReadyWhenItCanBeControlled() async throws {
        for _ in 0..<50 {
            let fixture = try await NodeFixture()
            let node = fixture.node(options: options) { Respond(to: echo) { $0 } }
            try await running(node) { () async throws in
                #expect(Set(["arm.start", "arm.stop", "arm.health"]).isSubset(of: fixture.openAtBroker))
                #expect(try await ask("arm.stop", fixture) == done)
            }
        }
    }

    /// The stop comes when the node was started again and has not begun to run its components.
    @Test func aStopMayComeBeforeAStartHasBegun() async throws {
        let log = ActingLog()
        let broker = MemoryBroker()
        let connection = try await broker.connect(
            options: ConnectionOptions(name: "node", logger: Logger(label: "test") { _ in log })
        )
        let node = Node("arm", on: connection, options: NodeOptions(heartbeat: nil)) { Respond(to: echo) { $0 } }
        try await running(node) { () async throws in
            log.act(on: "the node is stopped") { [weak node] in
                try? node?.runner.beginStarting()
                try? node?.runner.beginStopping()
            }
            try await node.stop()
            await until { log.count(of: "the node is stopped") == 2 }
            #expect(node.state == .stopped)
            try await node.start()
            #expect(try await connection.call(echo, 1) == 1)
        }
    }

    @Test func stopsAndStartsThatComeTogetherLeaveANodeThatCanBeControlled() async throws {
        let fixture = try await NodeFixture()
        let other = try await NodeFixture.connect("other", to: fixture.broker)
        let answers = [done, wrongState]
        try await controlled(fixture) {
            Respond(to: echo) { $0 }
        } _: { (node: Node) async throws in
            for _ in 0..<100 {
                async let first = ask("arm.stop", fixture)
                async let second = ask("arm.start", fixture)
                async let third = other.call("arm.stop", Message("{}"))
                async let fourth = other.call("arm.start", Message("{}"))
                let (stopped, started) = try await (first, second)
                #expect(answers.contains(stopped) && answers.contains(started))
                _ = try await (third, fourth)
                // Whatever the order was, it runs or is stopped.
                #expect([.running, .stopped].contains(node.state))
            }
            if node.state == .stopped { #expect(try await ask("arm.start", fixture) == done) }
            #expect(try await fixture.peer.call(echo, 1) == 1)
        }
    }

    @Test func healthCanBeAsked() async throws {
        let fixture = try await NodeFixture()
        try await controlled(fixture) {
            Respond(to: echo) { $0 }
            Execute("bad", restart: .never) { throw Fault() }.onFailure(.end)
        } _: { (node: Node) async throws in
            await until { node.health["bad"]?.state == .failed }
            let health = try await fixture.peer.call(RPC<[String: Int], NodeHealth>("arm.health"), [:])
            #expect(health == node.health)
            #expect(health.name == "arm")
            #expect(health.state == .running)
            #expect(health["Respond echo"]?.state == .running)
            #expect(health["bad"]?.lastError == "out of order")
            #expect(!health.isHealthy)
        }
    }

    @Test func byDefaultNobodyControlsIt() async throws {
        let fixture = try await NodeFixture()
        try await running(fixture.node { Respond(to: echo) { $0 } }) {
            for procedure: QueueName in ["arm.start", "arm.stop", "arm.health"] {
                #expect(await code { _ = try await fixture.peer.call(procedure, Message("{}")) } == .noResponder)
            }
        }
    }
}

/// Does something in the moment in which something is logged.
private final class ActingLog: LogHandler, Sendable {
    private struct State {
        var lines: [String] = []
        var trigger = ""
        var action: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Has an action done once, when a line comes.
    func act(on line: String, _ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.trigger = line
            state.action = action
        }
    }

    func count(of line: String) -> Int { state.withLock { $0.lines.count { $0 == line } } }

    func log(event: LogEvent) {
        let action = state.withLock { state in
            state.lines.append("\(event.message)")
            return state.trigger == "\(event.message)" ? state.action.take() : nil
        }
        action?()
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .info }
        set {}
    }
}
