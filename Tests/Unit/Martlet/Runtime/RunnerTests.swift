import Logging
import Martlet
import MartletTesting
import ServiceLifecycle
import Testing

@testable import struct Martlet.Part
@testable import struct Martlet.PartContext
@testable import struct Martlet.PartList
@testable import class Martlet.Runner

/// A runner by itself: something that is neither a node nor a bridge.
@Suite(.timeLimit(.minutes(10)))
struct RunnerTests {
    /// Counts a run, says that it is ready, and returns when it is to stop.
    private static func part(
        _ name: String,
        on connection: any Connection,
        _ runs: Recorder<String>,
        policy: FailurePolicy = .endNode,
        work: @escaping @Sendable () async throws -> Void = { try await gracefulShutdown() }
    ) -> Part {
        Part(
            name: name,
            failurePolicy: policy,
            reportsReadiness: true,
            links: Part.Links(needed: connection)
        ) { part in
            runs.record(name)
            part.ready()
            try await work()
        }
    }

    private static func runner(_ fixture: NodeFixture, drainLimit: Duration = .seconds(5)) -> Runner {
        Runner(
            "relay",
            "r",
            of: "pipe",
            on: [fixture.connection],
            timers: fixture.connection.runtime.timers,
            drainLimit: drainLimit,
            logger: Logger(label: "test") { _ in fixture.logs }
        )
    }

    private struct AsService: Service {
        let runner: Runner
        let parts: PartList
        func run() async throws { try await runner.run(parts, endsWithItsParts: false) }
    }

    @Test func itRunsOnce() async throws {
        let fixture = try await NodeFixture()
        let (runner, runs) = (Self.runner(fixture), Recorder<String>())
        let service = AsService(runner: runner, parts: PartList([Self.part("a", on: fixture.connection, runs)]))
        try await runner.whileRunning(service, readyWithin: .seconds(5)) {
            _ = await #expect(throws: MessagingError.self) { try await service.run() }
        }
        let error = await #expect(throws: MessagingError.self) { try await service.run() }
        #expect(error?.code == .alreadyRunning)
        #expect(error?.message.hasPrefix("a relay runs once") == true)
        #expect(runs.values == ["a"])
        #expect(await errorCode { try await runner.waitUntilReady(within: .seconds(1)) } == .notRunning)
    }

    /// Standing parts go on while the others are stopped, and health does not list them; names differ all the same.
    @Test func standingPartsGoOnWhileTheOthersAreStopped() async throws {
        let fixture = try await NodeFixture()
        let (runner, runs) = (Self.runner(fixture), Recorder<String>())
        let parts = PartList(
            [Self.part("a", on: fixture.connection, runs), Self.part("a", on: fixture.connection, runs)],
            standing: [Self.part("a", on: fixture.connection, runs)]
        )
        let service = AsService(runner: runner, parts: parts)
        try await runner.whileRunning(service, readyWithin: .seconds(5)) {
            #expect(runner.current.health.map(\.name) == ["a", "a #2"])
            #expect(runs.values.count == 3)
            for round in 1...3 {
                try runner.beginStopping()
                try await runner.waitUntilStopped()
                #expect(runner.current.health.map(\.state) == [.idle, .idle])
                #expect(runner.current.parts[2].health.state == .running)
                try runner.beginStarting()
                try await runner.waitUntilStarted()
                #expect(runs.values.count == 3 + 2 * round)
            }
        }
    }

    @Test func itIsReadyWhenItsStandingPartsAreToo() async throws {
        let fixture = try await NodeFixture()
        let (runner, runs) = (Self.runner(fixture), Recorder<String>())
        let opens = Recorder<Void>()
        let standing = Part(
            name: "control",
            reportsReadiness: true,
            links: Part.Links(needed: fixture.connection)
        ) { part in
            try await opens.wait(for: 1)
            part.ready()
            try await gracefulShutdown()
        }
        let parts = PartList([Self.part("a", on: fixture.connection, runs)], standing: [standing])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await AsService(runner: runner, parts: parts).run() }
            await until { runner.current.health.map(\.state) == [.running] }
            #expect(!runner.current.isReady)
            opens.signal()
            try await runner.waitUntilReady(within: .seconds(5))
            group.cancelAll()
        }
    }

    @Test func aPartThatFailsIsRunAgainAndIsNotReadyMeanwhile() async throws {
        let fixture = try await NodeFixture()
        let (runner, runs) = (Self.runner(fixture), Recorder<String>())
        let fails = Recorder<Void>()
        let part = Self.part("a", on: fixture.connection, runs, policy: .restart()) {
            guard runs.values.count > 1 else {
                try await fails.wait(for: 1)
                throw Fault()
            }
            try await gracefulShutdown()
        }
        let service = AsService(runner: runner, parts: PartList([part]))
        try await runner.whileRunning(service, readyWithin: .seconds(5)) {
            fails.signal()
            await until { runner.current.health.map(\.state) == [.restarting] }
            #expect(runner.current.health[0].lastError == "out of order")
            await until {
                fixture.clock.advanceToNextDeadline()
                return runner.current.health.map(\.state) == [.running]
            }
            #expect(runner.current.health[0].restarts == 1)
            #expect(fixture.logs.lines.contains { $0.hasPrefix("the pipe failed and is run again") })
        }
    }

    @Test func aPartMayOutlastTheLossOfItsLink() async throws {
        let fixture = try await NodeFixture()
        let (runner, runs) = (Self.runner(fixture), Recorder<String>())
        let fails = Recorder<Void>()
        let part = Part(
            name: "a",
            reportsReadiness: true,
            links: Part.Links(needed: fixture.connection, outlastsLoss: true)
        ) { part in
            runs.record("a")
            part.ready()
            guard runs.values.count > 1 else {
                try await fails.wait(for: 1)
                throw MessagingError(.connectionLost, "gone")
            }
            try await gracefulShutdown()
        }
        let service = AsService(runner: runner, parts: PartList([part]))
        try await runner.whileRunning(service, readyWithin: .seconds(5)) {
            fails.signal()
            await until {
                fixture.clock.advanceToNextDeadline()
                return runs.values.count == 2
            }
            #expect(runner.current.health[0].restarts == 0)
        }
    }

    @Test func workThatTakesLongerThanTheLimitIsCancelled() async throws {
        let fixture = try await NodeFixture()
        let (runner, runs) = (Self.runner(fixture), Recorder<String>())
        let cancelled = Recorder<Void>()
        let part = Self.part("a", on: fixture.connection, runs) {
            do {
                try await Recorder<Void>().wait(for: 1)
            } catch {
                cancelled.signal()
                throw error
            }
        }
        let service = AsService(runner: runner, parts: PartList([part]))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.whileRunning(service, readyWithin: .seconds(60)) {} }
            await until { runs.values.count == 1 }
            try await fixture.advance(to: .seconds(5))
            try await group.waitForAll()
        }
        #expect(cancelled.values.count == 1)
    }
}
