import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ForwardEndTests {
    @Test func shutdownFinishesWhatIsInHand() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("x"), to: "jobs")
            await until { bridge.reports[0].statistics.inFlight == 1 }
            // Confirmed only when the shutdown has begun.
            promise.end(.success(()))
        }
        #expect(bridge.reports[0].statistics.forwarded == 1)
        #expect(fixture.brokerA.isDone(with: "jobs"))
    }

    /// All of it, not only what is waited for at that moment.
    @Test func shutdownWaitsForWhatTheSinkHasNotConfirmed() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let isShuttingDown = Shared(false)
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        try await withBackground {
            await until { isShuttingDown.withLock { $0 } && fixture.brokerA.queue("jobs")?.consumers == 0 }
            promise.end(.success(()))
        } _: {
            try await bridge.whileRunning {
                for number in 0..<20 {
                    try await fixture.a.send(Message("\(number)"), to: "jobs")
                    await until { bridge.reports[0].statistics.inFlight == number + 1 }
                }
                isShuttingDown.withLock { $0 = true }
            }
        }
        #expect(bridge.reports[0].statistics.forwarded == 20)
        #expect(fixture.brokerA.isDone(with: "jobs"))
    }

    @Test func shutdownDoesNotWaitForASinkThatIsAway() async throws {
        let fixture = try await BridgeFixture()
        fixture.to.cut()
        let bridge = fixture.bridge(options: BridgeOptions(drainLimit: .zero)) { Forward(queue: "jobs") }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("x"), to: "jobs")
            await until { fixture.brokerA.queue("jobs")?.unsettled == 1 }
        }
        let left = try await fixture.a.consume(from: "jobs")
        #expect(try await left.texts(1) == ["x"])
    }
}
