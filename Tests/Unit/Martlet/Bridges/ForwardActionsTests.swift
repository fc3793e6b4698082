import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ForwardActionsTests {
    private struct Lift: Codable, Sendable, Equatable { var floor: Int }
    private struct Passing: Codable, Sendable, Equatable { var floor: Int }
    private struct Stopped: Codable, Sendable, Equatable { var floor: Int }

    private let lift = Action<Lift, Passing, Stopped>("lift.go")
    private let there = Action<Lift, Passing, Stopped>("tower.lift.go")

    private func withServer(
        _ handler: @escaping @Sendable (GoalContext<Lift, Passing>) async throws -> Stopped,
        _ body: @escaping @Sendable (BridgeFixture) async throws -> Void
    ) async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { ForwardActions(lift, to: there.name) }
        try await withBackground {
            try await fixture.b.perform(there, options: ActionOptions(policy: .rejectIfBusy), handler: handler)
        } _: {
            await fixture.brokerB.waitForConsumers(of: "tower.lift.go.send_goal")
            try await bridge.whileRunning { try await body(fixture) }
        }
    }

    @Test func aGoalIsReachedOnTheOtherSideUnderTheSameID() async throws {
        let id = Shared<GoalID?>(nil)
        try await withServer { goal in
            id.withLock { $0 = goal.id }
            for floor in 0..<goal.value.floor { goal.report(Passing(floor: floor)) }
            return Stopped(floor: goal.value.floor)
        } _: { fixture in
            let heard = try await fixture.a.subscribe(to: "lift.go.status")
            let goal = try await fixture.a.send(Lift(floor: 3), to: lift)
            #expect(try await goal.result == Stopped(floor: 3))
            #expect(id.withLock { $0 } == goal.id)
            #expect(try await goal.status() == .succeeded)
            var statuses: [String] = []
            for _ in 0..<3 { statuses.append(try #require(try await heard.next()).message.text ?? "") }
            #expect(statuses.allSatisfy { $0.contains(goal.id.text) })
        }
    }

    @Test func feedbackArrivesInOrder() async throws {
        let gate = Gate()
        try await withServer { goal in
            for floor in 0..<5 { goal.report(Passing(floor: floor)) }
            await gate.wait()
            return Stopped(floor: 5)
        } _: { fixture in
            let goal = try await fixture.a.send(Lift(floor: 5), to: lift)
            var floors: [Int] = []
            for try await feedback in goal.feedback {
                floors.append(feedback.floor)
                if feedback.floor == 4 { gate.open() }
            }
            #expect(floors == floors.sorted() && floors.last == 4)
        }
    }

    @Test func cancellingTheClientPreemptsTheGoalOnTheOtherSide() async throws {
        let cancelled = Shared(false)
        try await withServer { _ in
            do { try await untilCancelled() } catch {
                cancelled.withLock { $0 = true }
                throw error
            }
        } _: { fixture in
            let goal = try await fixture.a.send(Lift(floor: 9), to: lift)
            try await withBackground {
                _ = try await goal.result
            } _: {
                try await until { try await goal.status() == .executing }
            }
            await until { cancelled.withLock { $0 } }
            #expect(try await goal.outcome.status == .canceled)
        }
    }

    @Test func aRejectionAndAFailureCross() async throws {
        try await withServer { goal in
            if goal.value.floor < 0 { throw MessagingError("no-cellar", "there is no cellar") }
            try await untilCancelled()
        } _: { fixture in
            let failing = try await fixture.a.send(Lift(floor: -1), to: lift)
            let code = await errorCode { _ = try await failing.result }
            #expect(code == "no-cellar")
            let busy = try await fixture.a.send(Lift(floor: 1), to: lift)
            let busyCode = await errorCode { _ = try await fixture.a.send(Lift(floor: 2), to: lift) }
            #expect(busyCode == .goalRejected)
            #expect(try await busy.cancel())
            #expect(try await busy.outcome.status == .canceled)
        }
    }

    @Test func withoutAServerThereIsNoResponder() async throws {
        let fixture = try await BridgeFixture()
        try await fixture.bridge { ForwardActions(lift) }.whileRunning {
            let code = await errorCode { _ = try await fixture.a.send(Lift(floor: 1), to: lift) }
            #expect(code == .noResponder)
        }
    }
}
