import Martlet
import MartletTesting
import ServiceLifecycleTestKit
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ExecuteTests {
    private let backoff = Backoff(initial: .seconds(1), jitter: 0)

    @Test func whatAlwaysRestartsRunsAgainWhetherItEndedOrFailed() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let node = fixture.node {
            Execute("stubborn", backoff: backoff) {
                starts.record(fixture.now)
                if starts.values.count == 2 { throw Fault() }
            }
        }
        try await running(node) {
            try await starts.wait(for: 1)
            try await fixture.advance(to: .seconds(1))
            try await starts.wait(for: 2)
            try await fixture.advance(to: .seconds(3))
            try await starts.wait(for: 3)
        }
        #expect(node.health["stubborn"]?.restarts ?? 0 >= 2)
        #expect(node.health["stubborn"]?.lastError == "out of order")
    }

    @Test func whatRestartsOnFailureEndsWhenItEnds() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Void>()
        let node = fixture.node {
            Execute(restart: .onFailure, backoff: backoff) {
                starts.signal()
                if starts.values.count == 1 { throw Fault() }
            }
        }
        let error = await outcome(of: node) { try await fixture.advance(to: .seconds(1)) }
        #expect(error == nil)
        #expect(starts.values.count == 2)
    }

    @Test func exhaustedAttemptsAreAFailure() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node {
            Execute(restart: .onFailure, backoff: Backoff(initial: .seconds(1), jitter: 0, attempts: 1)) {
                throw Fault()
            }
        }
        let error = await outcome(of: node) { try await fixture.advance(to: .seconds(1)) }
        #expect(error as? Fault == Fault())
    }

    @Test func byDefaultShutdownCancelsTheCode() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Execute { try await Recorder<Void>().wait(for: 1) } }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                trigger.triggerGracefulShutdown()
            }
            #expect(error == nil)
        }
        #expect(node.health.components.map(\.state) == [.ended])
    }

    @Test func onRequestShutdownLetsItFinish() async throws {
        let fixture = try await NodeFixture()
        let work = Recorder<String>()
        let release = Recorder<Void>()
        let node = fixture.node {
            Execute(atShutdown: .finish) {
                work.record("begun")
                try await release.wait(for: 1)
                work.record("finished")
            }
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await work.wait(for: 1)
                trigger.triggerGracefulShutdown()
                // The drain limit is being watched: shutdown has reached the node.
                await until { fixture.clock.deadlines.first?.offset == .seconds(30) }
                release.signal()
            }
            #expect(error == nil)
        }
        #expect(work.values == ["begun", "finished"])
    }
}
