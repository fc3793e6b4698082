#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    /// Each node answers calls and calls its neighbours, over links that fail.
    ///
    /// Some nodes are killed or stopped meanwhile, and some calls are cancelled. A call ends, in time, with the answer to its own
    /// request or with an error that this explains; no handler is left at work when all callers have gone; without faults,
    /// where no node is killed either, every call is answered.
    static let calls = Scenario("calls", nodes: 8, rounds: 4) { world in
        let broker = world.broker()
        let atWork = Ledger()
        var processes: [SimulatedProcess] = []
        var connections: [any Connection] = []
        for number in 0..<world.nodes {
            let procedure = RPC<Int, Int>(QueueName("ops.double\(number)"))
            let process = try await world.start("node\(number)") { process in
                let connection = try await process.connect(to: broker, faults: world.weather)
                return Node("node\(number)", on: connection) {
                    Respond(to: procedure) { request in
                        atWork.enter(request, under: "begun")
                        defer { atWork.enter(request, under: "ended") }
                        try await world.sleep(for: .milliseconds(request % 7 * 3))
                        return 2 * request
                    }
                }
            }
            processes.append(process)
            let caller = try await world.connect(to: broker, as: "caller\(number)", faults: world.weather)
            connections.append(Planted.wrap(caller, world.plant, world))
        }
        let isFaultless = !world.hasFaults
        try await withThrowingTaskGroup { group in
            for (number, connection) in connections.enumerated() {
                group.addTask {
                    for round in 0..<world.rounds {
                        try await withThrowingTaskGroup { calls in
                            // Two at a time, so that one reply may be taken for the other.
                            for lane in 0..<2 {
                                let neighbour = (number + round + lane + 1) % world.nodes
                                let request = (number * 100 + round) * 2 + lane
                                calls.addTask {
                                    if request % 8 == 5 {
                                        try await giveUp(request, at: neighbour, connection, world)
                                    } else {
                                        try await call(request, at: neighbour, connection, world, isFaultless)
                                    }
                                }
                            }
                            try await calls.waitForAll()
                        }
                    }
                }
            }
            group.addTask { [processes] in
                guard !isFaultless else { return }
                var random = world.random(for: "kills")
                for _ in 0..<world.rounds {
                    try await world.sleep(for: .milliseconds(Int.random(in: 1...300, using: &random)))
                    guard let process = processes.randomElement(using: &random) else { break }
                    if Bool.random(using: &random) { await process.stop() } else { await process.kill() }
                    try await process.start()
                }
            }
            try await group.waitForAll()
        }
        try await world.expect("no handler is at work", within: .seconds(10)) {
            atWork.total(under: "begun") == atWork.total(under: "ended")
        }
        for connection in connections {
            world.require(connection.statistics.callsInFlight == 0, "a call that has ended is kept")
        }
    }

    /// Calls, and cancels the call after a few milliseconds.
    private static func giveUp(_ request: Int, at number: Int, _ connection: any Connection, _ world: World)
        async throws
    {
        let patience = Duration.milliseconds(request % 11 * 2)
        try await withThrowingTaskGroup { group in
            group.addTask { try? await call(request, at: number, connection, world, false) }
            group.addTask { try await world.sleep(for: patience) }
            try await group.next()
            let start = world.clock.now
            group.cancelAll()
            try? await group.waitForAll()
            let took = start.duration(to: world.clock.now)
            world.require(took == .zero, "call \(request) ends \(took) after it was cancelled")
        }
    }

    private static func call(
        _ request: Int,
        at number: Int,
        _ connection: any Connection,
        _ world: World,
        _ isFaultless: Bool
    ) async throws {
        let procedure = RPC<Int, Int>(QueueName("ops.double\(number)"))
        let limit = Duration.seconds(2)
        let start = world.clock.now
        do {
            let response = try await connection.call(procedure, request, timeout: limit)
            world.log("call \(request): \(response)")
            world.require(response == 2 * request, "call \(request) was answered with \(response)")
        } catch let error as MessagingError {
            world.log("call \(request): \(error.code)")
            let expected: Set<MessagingError.Code> = [.timeout, .connectionLost, .notConnected, .noResponder]
            world.require(expected.contains(error.code), "call \(request) failed: \(error)")
            world.require(!isFaultless, "call \(request) failed without faults: \(error)")
        }
        let took = start.duration(to: world.clock.now)
        world.require(took <= limit + .milliseconds(1), "call \(request) took \(took), longer than its timeout")
    }
}
#endif
