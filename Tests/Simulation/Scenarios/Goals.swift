#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    private static let drive = Action<Int, Int, Int>("arm.drive")

    /// Clients send goals that would take an hour, and give up: before the goal has arrived, while it is taken on, or later.
    ///
    /// The links delay, double and reorder, but lose nothing: so each handler is cancelled, soon, and none begins twice.
    static let goals = Scenario("goals", nodes: 4, rounds: 3) { world in
        let broker = world.broker()
        let ledger = Ledger()
        let faults = Faults(delay: 0.2, duplicate: 0.1, reorder: 0.2, maximumDelay: .milliseconds(40))
        try await world.start("arm") { process in
            let connection = try await process.connect(to: broker, faults: faults)
            return Node("arm", on: Planted.wrap(connection, world.plant, world)) {
                Perform(drive, options: ActionOptions(policy: .parallel(limit: 1_000))) { goal in
                    ledger.enter(goal.value, under: "begun")
                    defer { ledger.enter(goal.value, under: "ended") }
                    try await world.sleep(for: .seconds(3_600))
                    return goal.value
                }
            }
        }
        try await withThrowingTaskGroup { group in
            for number in 0..<world.nodes {
                let connection = try await world.connect(to: broker, as: "client\(number)", faults: faults)
                group.addTask {
                    var random = world.random(for: "client\(number)")
                    for round in 0..<world.rounds {
                        let goal = number * 1_000 + round
                        let patience = Duration.milliseconds(Int.random(in: 0...120, using: &random))
                        await give(up: goal, after: patience, connection, world)
                    }
                }
            }
            try await group.waitForAll()
        }
        try await world.expect("every goal that was given up has ended", within: .seconds(20)) {
            ledger.numbers(under: "begun").allSatisfy { ledger.count(of: $0, under: "ended") > 0 }
        }
        for goal in ledger.numbers(under: "begun") {
            let times = ledger.count(of: goal, under: "begun")
            world.require(times == 1, "goal \(goal) has begun \(times) times")
            world.log("goal \(goal) was begun")
        }
        // One that was overtaken by its cancellation is not to begin later either.
        try await world.sleep(for: .seconds(5))
        for goal in ledger.numbers(under: "begun") {
            world.require(ledger.count(of: goal, under: "ended") == 1, "goal \(goal) goes on though it was given up")
        }
    }

    private static func give(up goal: Int, after patience: Duration, _ connection: any Connection, _ world: World) async
    {
        await withTaskGroup { group in
            group.addTask {
                do {
                    let handle = try await connection.send(goal, to: drive)
                    world.log("goal \(goal) was taken on")
                    let result = try await handle.result
                    world.require(false, "goal \(goal) has succeeded, with \(result)")
                } catch {
                    world.log("goal \(goal): \((error as? MessagingError)?.code.description ?? "\(error)")")
                }
            }
            group.addTask { try? await world.sleep(for: patience) }
            // The patience ends first; nothing else ends a goal here.
            await group.next()
            group.cancelAll()
        }
    }
}
#endif
