import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
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
