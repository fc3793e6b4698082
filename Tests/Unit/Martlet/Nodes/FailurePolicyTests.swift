import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct FailurePolicyTests {
    /// From one second, doubling, without chance.
    private func backoff(attempts: Int? = nil, maximum: Duration = .seconds(60)) -> Backoff {
        Backoff(initial: .seconds(1), maximum: maximum, jitter: 0, attempts: attempts)
    }

    @Test func byDefaultTheNodeEndsWithTheError() async throws {
        let fixture = try await NodeFixture()
        let cancelled = Recorder<Void>()
        let node = fixture.node {
            Execute("bad", restart: .never) { throw Fault() }
            Execute("good", restart: .never) {
                do {
                    try await Recorder<Void>().wait(for: 1)
                } catch {
                    cancelled.signal()
                    throw error
                }
            }
        }
        await #expect(throws: Fault()) { try await node.run() }
        #expect(cancelled.values.count == 1)
        #expect(node.health["bad"]?.state == .failed)
        #expect(node.health["bad"]?.lastError == "out of order")
        #expect(node.health["good"]?.state == .ended)
        #expect(node.state == .exited)
    }

    @Test func aComponentThatMayEndTakesNobodyDown() async throws {
        let fixture = try await NodeFixture()
        let echo = RPC<Int, Int>("echo")
        let node = fixture.node {
            Execute("bad", restart: .never) { throw Fault() }.onFailure(.end)
            Respond(to: echo) { $0 }
        }
        try await running(node) {
            await until { node.health["bad"]?.state == .failed }
            let answer = try await fixture.peer.call(echo, 7)
            #expect(answer == 7)
            #expect(!node.health.isHealthy)
        }
    }

    @Test func itIsRestartedWithBackOffUntilNoAttemptIsLeft() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let node = fixture.node {
            Execute("bad", restart: .never) {
                starts.record(fixture.now)
                throw Fault()
            }
            .onFailure(.restart(backoff(attempts: 3)))
        }
        let error = await outcome(of: node) {
            try await starts.wait(for: 1)
            await until { node.health["bad"]?.state == .restarting && node.health["bad"]?.restarts == 1 }
            for time in [1, 3, 7] { try await fixture.advance(to: .seconds(time)) }
        }
        #expect(error as? Fault == Fault())
        #expect(starts.values == [.seconds(0), .seconds(1), .seconds(3), .seconds(7)])
        #expect(node.health["bad"]?.restarts == 3)
        #expect(node.health["bad"]?.state == .failed)
    }

    @Test func oneThatHadRecoveredCountsItsAttemptsAnew() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let node = fixture.node {
            Execute("bad", restart: .never) {
                starts.record(fixture.now)
                if starts.values.count == 2 { fixture.clock.advance(by: .seconds(11)) }
                throw Fault()
            }
            .onFailure(.restart(backoff(attempts: 2, maximum: .seconds(10))))
        }
        let error = await outcome(of: node) {
            for time in [1, 13, 15] { try await fixture.advance(to: .seconds(time)) }
        }
        #expect(error as? Fault == Fault())
        #expect(starts.values == [.seconds(0), .seconds(1), .seconds(13), .seconds(15)])
    }

    @Test func shutdownDoesNotWaitForABackOff() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node(options: NodeOptions(heartbeat: nil, remoteControl: true)) {
            Execute("bad", restart: .never) { throw Fault() }.onFailure(.restart(backoff()))
        }
        try await running(node) {
            await until { node.health["bad"]?.state == .restarting }
            try await node.stop()
            #expect(node.health["bad"]?.state == .idle)
        }
    }

    @Test func aGroupFailsWithItsMemberAndIsRestartedAsOne() async throws {
        let fixture = try await NodeFixture()
        let first = Recorder<Void>()
        let second = Recorder<Void>()
        let outside = Recorder<Void>()
        let node = fixture.node {
            Group("camera") {
                Execute("first", restart: .never) {
                    first.signal()
                    try await Recorder<Void>().wait(for: 1)
                }
                Execute("second", restart: .never) {
                    try await first.wait(for: second.values.count + 1)
                    second.signal()
                    if second.values.count == 1 { throw Fault() }
                    try await Recorder<Void>().wait(for: 1)
                }
            }
            .onFailure(.restart(backoff()))
            Execute("outside", restart: .never) {
                outside.signal()
                try await Recorder<Void>().wait(for: 1)
            }
        }
        try await running(node) {
            try await outside.wait(for: 1)
            try await fixture.advance(to: .seconds(1))
            try await first.wait(for: 2)
            try await second.wait(for: 2)
        }
        #expect(outside.values.count == 1)
        #expect(node.health["camera"]?.restarts == 1)
        #expect(node.health["camera/second"]?.lastError == "out of order")
    }

    @Test func aMemberWithAPolicyOfItsOwnDoesNotConcernItsGroup() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node {
            Group("camera") {
                Execute("bad", restart: .never) { throw Fault() }.onFailure(.end)
            }
        }
        try await node.run()
        #expect(node.health["camera"]?.state == .ended)
        #expect(node.health["camera/bad"]?.state == .failed)
    }
}
