import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct EveryTests {
    @Test func runsAtOnceAndAtMultiplesOfTheIntervalHoweverLongARunTakes() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let node = fixture.node {
            Every(.seconds(10)) {
                starts.record(fixture.now)
                fixture.clock.advance(by: .seconds(3))
            }
        }
        try await running(node) {
            try await starts.wait(for: 1)
            try await fixture.advance(to: .seconds(10))
            try await starts.wait(for: 2)
            try await fixture.advance(to: .seconds(20))
            try await starts.wait(for: 3)
        }
        #expect(starts.values == [.seconds(0), .seconds(10), .seconds(20)])
    }

    @Test func ticksThatPassDuringARunAreSkippedAndCounted() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let loop = Every(.seconds(10)) {
            starts.record(fixture.now)
            if starts.values.count == 1 { fixture.clock.advance(by: .seconds(25)) }
        }
        try await running(fixture.node { loop }) {
            try await fixture.advance(to: .seconds(30))
            try await starts.wait(for: 2)
            await until { loop.statistics.runs == 2 }
        }
        #expect(starts.values == [.seconds(0), .seconds(30)])
        #expect(loop.statistics.skipped == 2)
    }

    @Test func aRunThatEndsOnATickIsFollowedByThatTick() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let loop = Every(.seconds(10)) { () -> Tick in
            starts.record(fixture.now)
            fixture.clock.advance(by: .seconds(10))
            return starts.values.count == 3 ? .stop : .again
        }
        try await fixture.node { loop }.run()
        #expect(starts.values == [.seconds(0), .seconds(10), .seconds(20)])
        #expect(loop.statistics.skipped == 0)
    }

    @Test func runsNeverOverlap() async throws {
        let fixture = try await NodeFixture()
        let entered = Recorder<Void>()
        let leave = Recorder<Void>()
        let loop = Every(.seconds(10)) {
            entered.signal()
            try await leave.wait(for: entered.values.count)
        }
        try await running(fixture.node { loop }) {
            try await entered.wait(for: 1)
            for _ in 0..<3 {
                fixture.clock.advance(by: .seconds(10))
                for _ in 0..<100 { await Task.yield() }
                #expect(entered.values.count == 1)
            }
            leave.signal()
            try await entered.wait(for: 2)
            #expect(loop.statistics.skipped == 2)
        }
    }

    @Test func endsItself() async throws {
        let fixture = try await NodeFixture()
        let loop = Every(.seconds(10)) { .stop }
        let node = fixture.node { loop }
        try await node.run()
        #expect(loop.statistics.runs == 1)
        #expect(node.health.components.map(\.state) == [.ended])
        #expect(node.state == .exited)
    }

    @Test func keepsTimingStatistics() async throws {
        let fixture = try await NodeFixture()
        let durations: [Duration] = [.seconds(3), .seconds(1), .seconds(2)]
        let runs = Recorder<Void>()
        let loop = Every(.seconds(10)) { () -> Tick in
            fixture.clock.advance(by: durations[runs.values.count])
            runs.signal()
            return runs.values.count == durations.count ? .stop : .again
        }
        #expect(loop.statistics.mean == nil)
        let node = fixture.node { loop }
        let error = await outcome(of: node) {
            try await fixture.advance(to: .seconds(10))
            try await fixture.advance(to: .seconds(20))
        }
        #expect(error == nil)
        let statistics = loop.statistics
        #expect(statistics.runs == 3)
        #expect(statistics.last == .seconds(2))
        #expect(statistics.minimum == .seconds(1))
        #expect(statistics.maximum == .seconds(3))
        #expect(statistics.mean == .seconds(2))
    }

    @Test func logsItsStatisticsAtIntervals() async throws {
        let fixture = try await NodeFixture()
        let runs = Recorder<Void>()
        let node = fixture.node {
            Every(.seconds(10), reportingInterval: .seconds(20)) { runs.signal() }
        }
        func reports() -> Int { fixture.logs.lines.count { $0.hasPrefix("timing") } }
        try await running(node) {
            try await fixture.advance(to: .seconds(10))
            try await runs.wait(for: 2)
            #expect(reports() == 0)
            try await fixture.advance(to: .seconds(20))
            await until { reports() == 1 }
            #expect(fixture.logs.lines.last?.contains("3 runs, 0 skipped") == true)
        }
    }

    @Test func restartedItCountsItsTicksFromThere() async throws {
        let fixture = try await NodeFixture()
        let starts = Recorder<Duration>()
        let node = fixture.node {
            Every(.seconds(10)) {
                starts.record(fixture.now)
                if starts.values.count == 1 { throw Fault() }
            }
            .onFailure(.restart(Backoff(initial: .seconds(4), jitter: 0)))
        }
        try await running(node) {
            try await fixture.advance(to: .seconds(4))
            try await starts.wait(for: 2)
            try await fixture.advance(to: .seconds(14))
            try await starts.wait(for: 3)
        }
        #expect(starts.values == [.seconds(0), .seconds(4), .seconds(14)])
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func anIntervalThatIsNotPositiveIsAnErrorAtStart(_ interval: Duration) async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Every(interval) { Issue.record("it ran") } }
        #expect(await code { try await node.run() } == .invalidArgument)
        #expect(node.state == .idle)
    }
}
