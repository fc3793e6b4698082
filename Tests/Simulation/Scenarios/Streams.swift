#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    private static let count = StreamingRPC<Int, Int>("ops.count")

    /// Streams whose readers are slow, over links that delay, double and reorder.
    ///
    /// Every element comes, once and in order, and a writer is never further ahead of its reader than the window allows.
    static let streams = Scenario("streams", nodes: 3, rounds: 2) { world in
        let broker = world.broker()
        let faults = Faults(delay: 0.1, duplicate: 0.1, reorder: 0.15, maximumDelay: .milliseconds(20))
        let ledger = Ledger()
        try await world.start("counter") { process in
            let connection = try await process.connect(to: broker, faults: faults)
            return Node("counter", on: connection) {
                Respond(to: count) { request, writer in
                    for element in 0..<(20 + request % 30) {
                        try await writer.write(element)
                        ledger.enter(request, under: "written")
                    }
                }
            }
        }
        try await withThrowingTaskGroup { group in
            for number in 0..<world.nodes {
                let link = try await world.connect(to: broker, as: "reader\(number)", faults: faults)
                let connection = Planted.wrap(link, world.plant, world)
                group.addTask {
                    var random = world.random(for: "reader\(number)")
                    for round in 0..<world.rounds {
                        let request = number * 1_000 + round * 7
                        let window = Int.random(in: 1...8, using: &random)
                        var next = 0
                        let stream = try await connection.stream(count, request, timeout: .seconds(30), window: window)
                        for try await element in stream {
                            world.require(element == next, "after element \(next - 1) of \(request) came \(element)")
                            next += 1
                            let ahead = ledger.count(of: request, under: "written") - next
                            world.require(
                                ahead <= 2 * window + 1,
                                "the writer is \(ahead) ahead, the window is \(window)"
                            )
                            try await world.sleep(for: .milliseconds(Int.random(in: 0...30, using: &random)))
                        }
                        world.log("stream \(request) of \(next) has ended")
                        world.require(next == 20 + request % 30, "stream \(request) ended after \(next)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
#endif
