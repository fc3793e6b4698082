import Martlet
import MartletTesting
import ServiceLifecycle
import Synchronization
import Testing

/// Components that take turns.
@Suite(.timeLimit(.minutes(10))) struct ConsecutiveTests {
    /// Counts those that are at work at the same time.
    private final class Desk: Sendable {
        private let figures = Mutex((now: 0, most: 0, turns: 0))
        var most: Int { figures.withLock { $0.most } }
        var turns: Int { figures.withLock { $0.turns } }

        func work() async {
            figures.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
                $0.turns += 1
            }
            for _ in 0..<5 { await Task.yield() }
            figures.withLock { $0.now -= 1 }
        }
    }

    private func run(_ desk: Desk, isConsecutive: Bool) async throws {
        let connection = try await MemoryBroker().connect()
        let square = RPC<Int, Int>("square")
        @ComponentBuilder func components() -> [any Component] {
            Every(.milliseconds(1)) { await desk.work() }
            Subscribe(to: Topic<Int>("a")) { _ in await desk.work() }
            Group {
                Subscribe(to: "a") { (_: Delivery) in await desk.work() }
                Consume(from: Queue<Int>("q")) { _ in await desk.work() }
            }
            .named("inner")
            Respond(to: square) { number in
                await desk.work()
                return number * number
            }
        }
        let node = Node("arm", on: connection, options: NodeOptions(heartbeat: nil)) {
            if isConsecutive { Consecutive { components() }.onFailure(.end) } else { components() }
        }
        try await node.whileRunning {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        try await connection.publish(number, to: Topic("a"))
                        try await connection.send(number, to: Queue("q"))
                        let answer = try await connection.call(square, number, timeout: .seconds(300))
                        #expect(answer == number * number)
                    }
                }
                try await group.waitForAll()
            }
            // A queue's messages that nobody has begun with when the node stops stay in it.
            await until { desk.turns >= 200 }
        }
    }

    @Test func noTwoOfThemWorkAtTheSameTime() async throws {
        let desk = Desk()
        try await run(desk, isConsecutive: true)
        #expect(desk.most == 1)
        #expect(desk.turns >= 200)
    }

    @Test func withoutItTheyDo() async throws {
        let desk = Desk()
        try await run(desk, isConsecutive: false)
        #expect(desk.most > 1)
    }

    @Test func turnsComeInTheOrderInWhichTheyWereAskedFor() async throws {
        let turns = Turns()
        let (go, order) = (Promise<Void>(), Recorder<Int>())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<5 {
                group.addTask {
                    try await turns.take {
                        try await go.value()
                        order.record(number)
                    }
                }
                await until { turns.count == number + 1 }
            }
            #expect(order.values == [])
            go.end(.success(()))
            try await group.waitForAll()
        }
        #expect(order.values == [0, 1, 2, 3, 4])
    }

    /// A caller that gives up has its handler's turn taken by the next one.
    @Test func whoeverGivesUpWaitingHoldsUpNobody() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let begun = Recorder<Void>()
        let go = Recorder<Void>()
        let ran = Recorder<Int>()
        let rpc = RPC<Int, Int>("f")
        let node = Node("arm", on: connection, options: NodeOptions(heartbeat: nil)) {
            Consecutive {
                Subscribe(to: "block") { (_: Delivery) in
                    begun.signal()
                    try await go.wait(for: 1)
                }
                Respond(to: rpc) { number in
                    ran.record(number)
                    return number
                }
            }
        }
        try await node.whileRunning {
            try await connection.publish(Message(), to: "block")
            try await begun.wait(for: 1)
            #expect(await errorCode { _ = try await connection.call(rpc, 1, timeout: .milliseconds(20)) } == .timeout)
            await until { broker.queue("f").map { $0.waiting + $0.unsettled } == 0 }
            async let second = connection.call(rpc, 2, timeout: .seconds(300))
            await until { broker.queue("f")?.unsettled == 1 }
            go.signal()
            #expect(try await second == 2)
        }
        #expect(ran.values == [2])
    }

    @Test func oneThatIsCancelledWhileItWaitsEnds() async throws {
        let turns = Turns()
        let (go, ran) = (Promise<Void>(), Recorder<Int>())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await turns.take { try await go.value() } }
            await until { turns.count == 1 }
            let cancelled = Task { try await turns.take { ran.record(1) } }
            await until { turns.count == 2 }
            group.addTask { try await turns.take { ran.record(2) } }
            await until { turns.count == 3 }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            go.end(.success(()))
            try await group.waitForAll()
        }
        #expect(ran.values == [2])
        #expect(turns.count == 0)
    }

    /// Whoever is at work and whoever waits, all at once.
    @Test func aNodeThatStopsWaitsForNobodysTurn() async throws {
        let connection = try await MemoryBroker().connect()
        let (begun, ticked) = (Recorder<Void>(), Recorder<Void>())
        let node = Node("arm", on: connection, options: NodeOptions(heartbeat: nil, drainLimit: .zero)) {
            Consecutive {
                Subscribe(to: "block") { (_: Delivery) in
                    begun.signal()
                    try await Task.sleep(for: .seconds(3_600))
                }
                Subscribe(to: "next") { (_: Delivery) in try await Task.sleep(for: .seconds(3_600)) }
                Every(.seconds(3_600)) { ticked.signal() }
            }
        }
        try await node.whileRunning {
            try await ticked.wait(for: 1)
            try await connection.publish(Message(), to: "block")
            try await begun.wait(for: 1)
            try await connection.publish(Message(), to: "next")
        }
    }

    @Test func aComponentOfOnesOwnTakesItsTurn() async throws {
        struct Worker: Component {
            let desk: Desk
            func run(in context: NodeContext) async throws {
                for _ in 0..<20 { try await context.inTurn { await desk.work() } }
            }
        }
        let desk = Desk()
        let connection = try await MemoryBroker().connect()
        try await Node("arm", on: connection, options: NodeOptions(heartbeat: nil)) {
            Consecutive {
                Worker(desk: desk)
                Worker(desk: desk)
                Consecutive { Worker(desk: desk) }
            }
        }.run()
        #expect(desk.most == 1)
        #expect(desk.turns == 60)
    }

    @Test func aLoopMayPauseForEver() async throws {
        let fixture = try await NodeFixture()
        let longest = Duration(attoseconds: .max)
        let pausing = Every(.seconds(1)) { () -> Tick in .pause(longest) }
        let rare = Every(longest) {}
        try await running(
            fixture.node {
                pausing
                rare
            }
        ) {
            await until { pausing.statistics.runs == 1 && rare.statistics.runs == 1 }
            fixture.clock.advance(by: .seconds(3_600))
        }
        #expect(pausing.statistics.runs == 1)
        #expect(rare.statistics.runs == 1)
    }

    @Test func aLoopPausesAndStops() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let loop = Every(.seconds(10)) { () -> Tick in
            starts.record(fixture.now)
            switch starts.values.count {
            case 1: return .pause(.seconds(25))
            case 2: return .again
            default: return .stop
            }
        }
        try await running(fixture.node { loop }) {
            try await fixture.advance(to: .seconds(30))
            try await starts.wait(for: 2)
            try await fixture.advance(to: .seconds(40))
            try await starts.wait(for: 3)
            await until { loop.statistics.runs == 3 }
        }
        #expect(starts.values == [.seconds(0), .seconds(30), .seconds(40)])
        #expect(loop.statistics.skipped == 0)
    }
}
