#if os(Linux)
import Dispatch
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    /// What a simulation must not let pass: each `--plant` does something else.
    static let check = {
        var scenario = Scenario("check", nodes: 4, rounds: 8) { world in
            switch world.plant {
            case "deadlock":
                let broker = world.broker()
                let reader = try await world.connect(to: broker, as: "reader")
                let subscription = try await reader.consume(from: "nothing.comes")
                _ = try await subscription.next()
            case "livelock":
                while true { await Task.yield() }
            case "real-sleep":
                try await Task.sleep(for: .milliseconds(1))
            case "thread":
                await withCheckedContinuation { continuation in
                    // Later than the task waits: one that is resumed before need not be woken.
                    DispatchQueue(label: "elsewhere").asyncAfter(deadline: .now() + 0.1) { continuation.resume() }
                }
            case "difference":
                world.log("\(UInt64.random(in: .min ... .max))")
            case "thrown":
                throw MessagingError(.refused, "thrown on purpose")
            case "delays-of-three-nodes":
                try await fails(with: 3, world)
            default:
                world.log("nothing is done")
            }
        }
        scenario.isHidden = true
        return scenario
    }()

    /// Fails where a message is late, there are so many nodes, and there is more than one round.
    private static func fails(with nodes: Int, _ world: World) async throws {
        let broker = world.broker()
        var lateness = Duration.zero
        for number in 0..<world.nodes {
            let faults = Faults([.delay, .cut, .halfOpen], probability: 0.9)
            let connection = try await world.connect(
                to: broker,
                as: "node\(number)",
                faults: number == 1 ? faults : Faults()
            )
            let start = world.clock.now
            try? await connection.publish(Message("x"), to: "anything")
            lateness += start.duration(to: world.clock.now)
        }
        let isBig = world.nodes >= nodes && world.rounds > 1
        world.require(!isBig || lateness == .zero, "with \(world.nodes) nodes messages are \(lateness) late")
    }
}
#endif
