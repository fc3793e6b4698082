#if os(Linux)
import Martlet
import MartletSimulation
import Synchronization

/// A worker that is killed now and then, and acknowledges its orders too early. A simulation finds the order that is lost.
@main struct Workshop {
    static func main() {
        Simulation.main {
            Scenario("workshop", rounds: 10) { world in
                let broker = world.broker()
                let done = Done()
                let worker = try await world.start("worker") { process in
                    let connection = try await process.connect(to: broker, faults: .flaky)
                    return Node("worker", on: connection) {
                        Execute("orders") { try await work(through: connection, done, in: world) }
                    }
                }
                let shop = try await world.connect(to: broker)
                var random = world.random(for: "shop")
                for order in 0..<world.rounds {
                    try await shop.send(Message("\(order)"), to: "orders")
                    try await world.sleep(for: .milliseconds(Int.random(in: 0...100, using: &random)))
                    if order % 4 == 3 { try await worker.restart(after: .milliseconds(20)) }
                }
                try await world.expect("every order is done", within: .seconds(60)) { done.count == world.rounds }
            }
        }
    }

    static func work(through connection: any Connection, _ done: Done, in world: World) async throws {
        for try await delivery in try await connection.consume(from: "orders") {
            try delivery.ack()  // Too early: who is killed from here on has lost the order.
            try await world.sleep(for: .milliseconds(30))
            done.insert(delivery.message.text ?? "")
        }
    }
}

/// The orders that are done.
final class Done: Sendable {
    private let orders = Mutex<Set<String>>([])

    var count: Int { orders.withLock { $0.count } }

    func insert(_ order: String) {
        orders.withLock { _ = $0.insert(order) }
    }
}
#else
@main struct Workshop {
    static func main() { print("A simulation runs on Linux.") }
}
#endif
