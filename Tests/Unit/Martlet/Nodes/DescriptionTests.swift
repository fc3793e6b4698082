import Martlet
import MartletTesting
import Testing

/// What a node says that it is.
@Suite(.timeLimit(.minutes(10))) struct DescriptionTests {
    @ComponentBuilder private func components() -> [any Component] {
        Respond(to: RPC<Int, String>("ops.name")) { "\($0)" }
        Group("inputs") {
            Subscribe(to: TopicFilter<Double>("sensors.#")) { _ in }
            Subscribe(to: "raw") { (_: Delivery) in }
        }
        Consume(from: Queue<[Int]>("jobs")) { _ in }.named("worker")
        Every(.seconds(1)) {}
    }

    private func expect(_ description: NodeDescription?) throws {
        let description = try #require(description)
        #expect(description.name == "arm")
        #expect(description.version == "1.2")
        #expect(description.device == "robot")
        #expect(!description.host.isEmpty)
        #expect(abs(description.started - Heartbeat().timestamp) < 600_000_000_000)
        #expect(
            description.components.map(\.name) == [
                "Respond ops.name", "inputs", "inputs/Subscribe sensors.#", "inputs/Subscribe raw", "worker",
                "Every 1.0 seconds",
            ]
        )
        #expect(
            description.components.map(\.contract) == [
                ComponentContract(kind: "Respond", name: "ops.name", types: [Int.self, String.self]), nil,
                ComponentContract(kind: "Subscribe", name: "sensors.#", types: [Double.self]),
                ComponentContract(kind: "Subscribe", name: "raw"),
                ComponentContract(kind: "Consume", name: "jobs", types: [[Int].self]), nil,
            ]
        )
    }

    @Test func itIsKeptAtTheBroker() async throws {
        let fixture = try await NodeFixture()
        let options = NodeOptions(heartbeat: nil, device: "robot", describes: .retained(version: "1.2"))
        let node = fixture.node(options: options, components: components)
        let early = try await fixture.peer.subscribe(to: Topic<NodeDescription>("arm.describe"))
        try await running(node) {
            try expect(try await early.next()?.value)
            fixture.connection.cut()
            fixture.connection.restore()
            try expect(try await early.next()?.value)
        }
        // It stays.
        try expect(try await fixture.peer.subscribe(to: Topic<NodeDescription>("arm.describe")).next()?.value)
    }

    @Test func itIsToldOnRequestAlsoWhileStopped() async throws {
        let fixture = try await NodeFixture()
        let options = NodeOptions(
            heartbeat: nil,
            remoteControl: true,
            device: "robot",
            describes: .onRequest(version: "1.2")
        )
        let rpc = RPC<JSON, NodeDescription>("arm.describe")
        try await running(fixture.node(options: options, components: components)) {
            try expect(try await fixture.peer.call(rpc, [:]))
            _ = try await fixture.peer.call(RPC<JSON, JSON>("arm.stop"), [:])
            try expect(try await fixture.peer.call(rpc, .null))
        }
    }

    @Test func itIsNotToldUnasked() async throws {
        let fixture = try await NodeFixture()
        try await running(fixture.node(options: NodeOptions(heartbeat: nil, remoteControl: true)) {}) {
            let rpc = RPC<JSON, NodeDescription>("arm.describe")
            #expect(await errorCode { _ = try await fixture.peer.call(rpc, [:]) } == .noResponder)
        }
    }
}
