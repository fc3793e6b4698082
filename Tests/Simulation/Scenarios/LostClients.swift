#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    private static let dig = Action<Int, Int, Int>("site.dig")

    /// Clients send goals to a server whose links fail, follow some of them, and die.
    ///
    /// A goal that a client follows to its end has the result of its own. A goal of a client that is dead is cancelled when its
    /// lease is over, and none is begun twice.
    static let lostClients = Scenario("lost-clients", nodes: 4, rounds: 3) { world in
        let broker = world.broker()
        let ledger = Ledger()
        let lease = Duration.seconds(5)
        try await world.start("digger") { process in
            let connection = try await process.connect(to: broker, faults: world.weather)
            let options = ActionOptions(policy: .parallel(limit: 1_000), lostClient: .cancel(after: lease))
            return Node("digger", on: connection) {
                Perform(dig, options: options) { goal in
                    ledger.enter(goal.value, under: "begun")
                    defer { ledger.enter(goal.value, under: "ended") }
                    for depth in 0..<3 {
                        try await world.sleep(for: .milliseconds(500))
                        goal.report(depth)
                    }
                    // Every other one takes longer than its client lives.
                    if goal.value % 2 == 1 { try await world.sleep(for: .seconds(3_600)) }
                    return goal.value * 3
                }
            }
        }
        try await withThrowingTaskGroup { group in
            for number in 0..<world.nodes {
                group.addTask {
                    var random = world.random(for: "client\(number)")
                    let life = Duration.milliseconds(Int.random(in: 100...6_000, using: &random))
                    let client = try await world.start("client\(number)") { process in
                        let connection = try await process.connect(to: broker, faults: world.weather)
                        return Node("client\(number)", on: connection) {
                            for round in 0..<world.rounds {
                                Execute("goal \(round)", restart: .never) {
                                    try await follow(number * 1_000 + round, on: connection, world)
                                }
                            }
                            // It lives until it is killed.
                            Execute("life") { try await world.sleep(for: .seconds(3_600)) }
                        }
                    }
                    try await world.sleep(for: life)
                    await client.kill()
                }
            }
            try await group.waitForAll()
        }
        try await world.expect("every goal has ended", within: .seconds(60)) {
            ledger.total(under: "begun") == ledger.total(under: "ended")
        }
        for goal in ledger.numbers(under: "begun") {
            let times = ledger.count(of: goal, under: "begun")
            world.require(times == 1, "goal \(goal) has begun \(times) times")
        }
    }

    private static func follow(_ goal: Int, on connection: any Connection, _ world: World) async throws {
        do {
            let result = try await connection.send(goal, to: dig).result
            world.log("goal \(goal): \(result)")
            world.require(result == goal * 3, "goal \(goal) has the result \(result)")
        } catch let error as MessagingError {
            world.log("goal \(goal): \(error.code)")
        }
    }
}
#endif
