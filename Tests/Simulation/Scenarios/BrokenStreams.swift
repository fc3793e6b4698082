#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    private static let lines = StreamingRPC<Int, Int>("ops.lines")

    /// Streams over links that lose messages and are lost.
    ///
    /// What a reader gets has no gap and comes once and in order, until the end or an error; a stream that ends without an error
    /// is whole; nobody waits for ever, and no handler is left.
    static let brokenStreams = Scenario("broken-streams", nodes: 3, rounds: 3) { world in
        let broker = world.broker()
        let ledger = Ledger()
        try await world.start("writer") { process in
            let connection = try await process.connect(to: broker, faults: world.weather)
            return Node("writer", on: connection) {
                Respond(to: lines) { request, writer in
                    ledger.enter(request, under: "begun")
                    defer { ledger.enter(request, under: "ended") }
                    for element in 0..<(20 + request % 30) {
                        try await writer.write(element)
                        try await world.sleep(for: .milliseconds(element % 3))
                    }
                }
            }
        }
        let isFaultless = !world.hasFaults
        try await withThrowingTaskGroup { group in
            for number in 0..<world.nodes {
                let connection = try await world.connect(to: broker, as: "reader\(number)", faults: world.weather)
                group.addTask {
                    var random = world.random(for: "reader\(number)")
                    for round in 0..<world.rounds {
                        let request = number * 1_000 + round * 7
                        let window = Int.random(in: 1...8, using: &random)
                        // One in four leaves early.
                        let wanted = Int.random(in: 0..<4, using: &random) == 0 ? 5 : Int.max
                        try await read(request, window, wanted, connection, world, isFaultless)
                    }
                }
            }
            try await group.waitForAll()
        }
        try await world.expect("no handler is at work", within: .seconds(60)) {
            ledger.total(under: "begun") == ledger.total(under: "ended")
        }
    }

    private static func read(
        _ request: Int,
        _ window: Int,
        _ wanted: Int,
        _ connection: any Connection,
        _ world: World,
        _ isFaultless: Bool
    ) async throws {
        var next = 0
        do {
            let stream = try await connection.stream(lines, request, timeout: .seconds(5), window: window)
            for try await element in stream {
                world.require(element == next, "after element \(next - 1) of \(request) came \(element)")
                next += 1
                if next >= wanted { break }
            }
            world.log("stream \(request) has ended after \(next)")
            let isWhole = next == min(wanted, 20 + request % 30)
            world.require(isWhole, "stream \(request) has ended after \(next), without an error")
        } catch let error as MessagingError {
            world.log("stream \(request): \(error.code) after \(next)")
            world.require(!isFaultless, "stream \(request) failed without faults: \(error)")
        }
    }
}
#endif
