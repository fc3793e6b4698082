import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct LeakTests {
    private struct Census {
        weak var broker: MemoryBroker?
        weak var connection: MemoryConnection?
        weak var runtime: ConnectionRuntime?
        weak var timers: Timers?
        weak var courier: Courier?
        weak var calls: CallTable?

        init(_ broker: MemoryBroker, _ connection: MemoryConnection) {
            self.broker = broker
            self.connection = connection
            runtime = connection.runtime
            timers = connection.runtime.timers
            courier = connection.runtime.courier
            calls = connection.runtime.calls
        }

        var left: [String] {
            [
                broker.map { _ in "broker" }, connection.map { _ in "connection" }, runtime.map { _ in "runtime" },
                timers.map { _ in "timers" }, courier.map { _ in "courier" }, calls.map { _ in "calls" },
            ].compactMap { $0 }
        }
    }

    /// Whatever is going on, closing ends it: every task that waits on the connection goes on, no timer sleeps, and
    /// nothing is left in memory.
    @Test(arguments: [true, false])
    func closingLeavesNothingBehind(cutFirst: Bool) async throws {
        let clock = TestClock()
        let ended = Shared<[String]>([])
        let census = try await useEverything(clock, cutFirst: cutFirst, ended)
        #expect(
            ended.withLock { $0.sorted() } == ["call", "consumer", "publisher", "responder", "stream", "subscriber"]
        )
        await until { clock.sleepers == 0 && census.left.isEmpty }
    }

    private func useEverything(_ clock: TestClock, cutFirst: Bool, _ ended: Shared<[String]>) async throws -> Census {
        let broker = MemoryBroker(options: .init(clock: clock))
        let connection = try await broker.connect(options: ConnectionOptions(name: "a", clock: clock))
        let census = Census(broker, connection)
        let full = try await connection.subscribe(to: "full", options: SubscribeOptions(limit: 1))
        try await connection.publish(Message(), to: "full")
        let started = Shared(0)
        await withTaskGroup(of: Void.self) { group in
            func run(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
                group.addTask {
                    try? await body()
                    ended.withLock { $0.append(name) }
                }
            }
            run("subscriber") {
                for try await _ in try await connection.subscribe(to: "#") { started.withLock { $0 += 1 } }
            }
            run("consumer") {
                var held: [Delivery] = []
                for try await delivery in try await connection.consume(from: "jobs") { held.append(delivery) }
            }
            run("responder") {
                try await connection.respond(to: StreamingRPC<Int, Int>("stream")) { _, writer in
                    while true { try await writer.write(1) }
                }
            }
            await broker.waitForConsumers(of: "stream")
            await broker.waitForConsumers(of: "jobs")
            run("stream") {
                for try await _ in try await connection.stream(StreamingRPC<Int, Int>("stream"), 1) {
                    started.withLock { $0 += 1 }
                    try await Task.sleep(for: .seconds(cutFirst ? 0.001 : 0.002))
                }
            }
            run("call") { _ = try await connection.call("jobs", Message()) }
            run("publisher") { try await connection.publish(Message(), to: "full") }
            await until { started.withLock { $0 } > 3 && full.waiting == 2 }
            if cutFirst { connection.cut() }
            await connection.close()
            await group.waitForAll()
        }
        return census
    }
}
