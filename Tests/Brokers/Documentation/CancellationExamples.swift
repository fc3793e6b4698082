import IntegrationSupport
import Martlet
import Testing

private struct Area: Codable, Sendable {
    var rows: Int
}

private struct Picture: Codable, Sendable, Equatable {
    var rows: Int
}

private let scan = RPC<Area, Picture>("camera.scan")

private actor Camera {
    private(set) var isMoving = false

    func scan(_ area: Area) async throws -> Picture {
        isMoving = true
        defer { isMoving = false }
        for _ in 0..<area.rows { try await Task.sleep(for: .milliseconds(10)) }
        return Picture(rows: area.rows)
    }
}

/// What the article on cancellation shows.
@Suite(.timeLimit(.minutes(10))) struct CancellationExamples {
    @Test func aCallThatIsGivenUpEndsItsHandler() async throws {
        let broker = MemoryBroker()
        let desk = try await broker.connect(name: "desk")
        let camera = Camera()
        let node = Node("camera", on: try await broker.connect(name: "camera")) {
            Respond(to: scan) { area in try await camera.scan(area) }
        }
        try await node.whileRunning {
            let picture = Task { try await desk.call(scan, Area(rows: 6_000), timeout: .seconds(90)) }
            try await Task.sleep(for: .milliseconds(500))
            picture.cancel()
            do { _ = try await picture.value } catch is CancellationError { print("given up") }
            try await until { await !camera.isMoving }
            await #expect(throws: CancellationError.self) { try await picture.value }
        }
    }

    @Test func theFirstAnswerWins() async throws {
        let broker = MemoryBroker()
        let desk = try await broker.connect(name: "desk")
        let cameras = [Camera(), Camera()]
        let names: [QueueName] = ["left.scan", "right.scan"]
        let node = Node("cameras", on: try await broker.connect(name: "cameras")) {
            Respond(to: RPC<Area, Picture>(names[0])) { area in try await cameras[0].scan(area) }
            Respond(to: RPC<Area, Picture>(names[1])) { _ in try await cameras[1].scan(Area(rows: 6_000)) }
        }
        try await node.whileRunning {
            let first = try await withThrowingTaskGroup(of: Picture.self) { group in
                for name in names {
                    group.addTask {
                        try await desk.call(RPC<Area, Picture>(name), Area(rows: 10), timeout: .seconds(90))
                    }
                }
                defer { group.cancelAll() }
                return try await group.next()
            }
            #expect(first?.rows == 10)
            try await until { await !cameras[1].isMoving }
        }
    }

    @Test func aHandlerThatComputesLooksWhetherItIsStillWanted() async throws {
        let broker = MemoryBroker()
        let desk = try await broker.connect()
        let count = RPC<Int, Int>("count")
        let node = Node("counter", on: try await broker.connect()) {
            Respond(to: count) { limit in
                var sum = 0
                for number in 0..<limit {
                    if number.isMultiple(of: 1_000) { try Task.checkCancellation() }
                    sum &+= number
                }
                return sum
            }
        }
        try await node.whileRunning {
            // It would take for years.
            await #expect(throws: MessagingError.self) { try await desk.call(count, .max, timeout: .milliseconds(50)) }
            let sum = try await desk.call(count, 10_000)
            #expect(sum == 49_995_000)
        }
    }
}
