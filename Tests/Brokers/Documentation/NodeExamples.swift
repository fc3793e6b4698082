import Martlet
import MartletTesting
import Testing

/// What the article on nodes shows.
@Suite(.timeLimit(.minutes(10))) struct NodeExamples {
    @Test func namesStandBelowABase() async throws {
        let connection = try await MemoryBroker().connect()
        let base: TopicName = "house.kitchen"
        let node = Node("lamp", on: connection, options: NodeOptions(base: base)) {
            Subscribe(to: TopicFilter<Bool>("set.#").below(base)) { message in print(message.rest, message.value) }
        }
        try await node.whileRunning { #expect(node.base == base) }
    }

    private actor Pump {
        private(set) var aim = 0
        private(set) var checks = 0
        func aim(at target: Int) throws { aim = target }
        func check() throws { checks += 1 }
    }

    @Test func componentsTakeTurns() async throws {
        let connection = try await MemoryBroker().connect()
        let pump = Pump()
        let target = Topic<Int>("target")
        let node = Node("cellar", on: connection) {
            Consecutive {
                Subscribe(to: target) { message in try await pump.aim(at: message.value) }
                Every(.seconds(10)) { try await pump.check() }
            }
        }
        try await node.whileRunning {
            try await connection.publish(7, to: target)
            while await pump.aim != 7 { await Task.yield() }
        }
    }
}
