import Martlet
import MartletTesting
import Testing

/// What a client sees of a goal that nothing goes wrong with, or that its handler ends in its own way.
@Suite(.timeLimit(.minutes(10))) struct ActionTests {
    struct Jam: Error, CustomStringConvertible { var description: String { "the gripper is stuck" } }

    @Test func feedbackThenResult() async throws {
        try await ActionFixture.run { goal in
            for step in 0..<goal.value.target { try await goal.deliver(Progress(current: step)) }
            return Reached(position: goal.value.target)
        } _: { fixture in
            let goal = try await fixture.client.send(Move(target: 100), to: move)
            var seen: [Int] = []
            for try await feedback in goal.feedback { seen.append(feedback.current) }
            #expect(seen == Array(0..<100), "what is delivered is neither lost nor out of order")
            #expect(try await goal.result == Reached(position: 100))
            #expect(try await goal.status() == .succeeded)
            #expect(goal.id.text.count == 32)
        }
    }

    @Test func reportingWhileWaiting() async throws {
        try await ActionFixture.run { goal in
            for step in 0..<3 { try await goal.deliver(Progress(current: step)) }
            return Reached(position: 3)
        } _: { fixture in
            var seen: [Int] = []
            let result = try await fixture.client.send(Move(target: 3), to: move).result { seen.append($0.current) }
            #expect(seen == [0, 1, 2])
            #expect(result == Reached(position: 3))
        }
    }

    @Test func theNewestFeedbackWins() async throws {
        let reported = Gate()
        let gate = Gate()
        try await ActionFixture.run { goal in
            for step in 0...1_000 { goal.report(Progress(current: step)) }
            reported.open()
            await gate.wait()
            return Reached(position: 0)
        } _: { fixture in
            defer { gate.open() }
            // One who does not read holds up the publishing, not the handler.
            let slow = try await fixture.client.subscribe(
                to: "arm.move.feedback",
                options: SubscribeOptions(overflow: .suspend, limit: 1)
            )
            let goal = try await fixture.client.send(Move(target: 0), to: move)
            await reported.wait()
            var seen: [String] = []
            while seen.last?.contains("1000") != true {
                seen.append(try await slow.next()?.message.text ?? "")
            }
            #expect(seen.count < 1_001)
            gate.open()
            _ = try await goal.result
        }
    }

    @Test func feedbackAfterTheEndIsNotSaid() async throws {
        let leaked = Log<GoalID>()
        let late = Gate()
        try await ActionFixture.run { goal in
            leaked.add(goal.id)
            if goal.value.target == 1 {
                // The task outlives its goal, as a handler must not let it.
                Task {
                    await late.wait()
                    goal.report(Progress(current: 99))
                    leaked.add("reported")
                }
            } else {
                goal.report(Progress(current: 2))
            }
            return Reached(position: 0)
        } _: { fixture in
            let all = try await fixture.client.subscribe(to: "arm.move.feedback")
            _ = try await fixture.client.send(Move(target: 1), to: move).result
            late.open()
            await leaked.wait(for: "reported")
            _ = try await fixture.client.send(Move(target: 2), to: move).result
            #expect(try await all.next()?.message.text?.contains(#""current":2"#) == true)
        }
    }

    @Test func whatTheHandlerThrowsArrives() async throws {
        try await ActionFixture.run { goal in
            if goal.value.target == 1 { throw MessagingError("jammed", "the gripper is stuck") }
            if goal.value.target == 2 { throw CancellationError() }
            throw Jam()
        } _: { fixture in
            let coded = try await fixture.client.send(Move(target: 1), to: move)
            let error = await messagingError { try await coded.result }
            #expect(error?.code == "jammed")
            #expect(error?.message == "the gripper is stuck")
            guard case .aborted(let reason) = try await coded.outcome else { Issue.record("it was aborted"); return }
            #expect(reason.code == "jammed")
            #expect(try await coded.status() == .aborted)

            let gaveUp = try await fixture.client.send(Move(target: 2), to: move)
            #expect(await messagingError { try await gaveUp.result }?.code == .handlerFailed)

            let other = try await fixture.client.send(Move(target: 3), to: move)
            let plain = await messagingError { try await other.result }
            #expect(plain?.code == .handlerFailed)
            #expect(plain?.message == "the gripper is stuck")
        }
    }

    @Test func aResultThatCannotBeSentAborts() async throws {
        let weigh = Action<Move, Progress, Double>("scale.weigh")
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "both")
        try await withThrowingTaskGroup { group in
            group.addTask { try await connection.perform(weigh) { _ in Double.nan } }
            await until { broker.presence.queues.contains { $0.name == "scale.weigh.send_goal" } }
            let goal = try await connection.send(Move(target: 0), to: weigh)
            #expect(await messagingError { try await goal.result }?.code == .encodingFailed)
            group.cancelAll()
            try? await group.waitForAll()
        }
        await connection.close()
    }

    @Test func aBusyServerSaysWhy() async throws {
        let gate = Gate()
        try await ActionFixture.run { _ in
            await gate.wait()
            return Reached(position: 0)
        } _: { fixture in
            defer { gate.open() }
            let first = try await fixture.client.send(Move(target: 1), to: move)
            let error = await messagingError { try await fixture.client.send(Move(target: 2), to: move) }
            #expect(error?.code == .goalRejected)
            #expect(error?.message.contains(first.id.text) == true)
            gate.open()
            _ = try await first.result
        }
    }

    @Test func cancelling() async throws {
        try await ActionFixture.run { goal in
            if goal.value.target == 0 { try await untilCancelled() }
            do { try await untilCancelled() } catch { return Reached(position: goal.value.target / 2) }
        } _: { fixture in
            let first = try await fixture.client.send(Move(target: 0), to: move)
            #expect(try await first.cancel())
            let error = await messagingError { try await first.result }
            #expect(error?.code == .cancelled)
            #expect(try await first.cancel() == false, "it has ended")

            let second = try await fixture.client.send(Move(target: 10), to: move)
            #expect(try await second.cancel())
            guard case .canceled(let result, _) = try await second.outcome else { Issue.record("canceled"); return }
            #expect(result == Reached(position: 5), "how far it had come")
        }
    }

    @Test func preempting() async throws {
        let log = Log<Int>()
        try await ActionFixture.run(options: ActionOptions(policy: .preemptLatest)) { goal in
            log.add(goal.value.target)
            if goal.value.target == 1 { try await untilCancelled() }
            return Reached(position: goal.value.target)
        } _: { fixture in
            let first = try await fixture.client.send(Move(target: 1), to: move)
            await log.wait(for: 1)
            let second = try await fixture.client.send(Move(target: 2), to: move)
            #expect(try await second.result == Reached(position: 2))
            let error = await messagingError { try await first.result }
            #expect(error?.code == .cancelled)
            #expect(error?.message.contains("preempted") == true)
        }
    }

    @Test func queueing() async throws {
        let gate = Gate()
        let log = Log<Int>()
        try await ActionFixture.run(options: ActionOptions(policy: .queue(limit: 2))) { goal in
            await gate.wait()
            log.add(goal.value.target)
            return Reached(position: goal.value.target)
        } _: { fixture in
            defer { gate.open() }
            var goals: [GoalHandle<Progress, Reached>] = []
            for target in 1...3 { goals.append(try await fixture.client.send(Move(target: target), to: move)) }
            #expect(
                await messagingError { try await fixture.client.send(Move(target: 4), to: move) }?.code == .goalRejected
            )
            #expect(try await goals[2].status() == .accepted)
            gate.open()
            for goal in goals { _ = try await goal.result }
            #expect(log.entries == [1, 2, 3])
        }
    }

    @Test func aLateJoinerGetsTheResult() async throws {
        try await ActionFixture.run { _ in
            Reached(position: 7)
        } _: { fixture in
            let id = try await fixture.client.send(Move(target: 7), to: move).id
            let other = try await fixture.broker.connect(name: "other")
            let goal = try await other.goal(id, of: move)
            #expect(try await goal.result == Reached(position: 7))
            for try await _ in goal.feedback { Issue.record("it has ended") }

            let unknown = try await other.goal("never", of: move)
            #expect(await messagingError { try await unknown.result }?.code == .unknownGoal)
            #expect(await messagingError { try await unknown.status() }?.code == .unknownGoal)
            #expect(await messagingError { for try await _ in unknown.feedback {} }?.code == .unknownGoal)
            #expect(try await unknown.cancel() == false)
            await other.close()
        }
    }

    @Test func argumentsAndOptions() async throws {
        let connection = try await MemoryBroker().connect(name: "alone")
        #expect(await messagingError { try await connection.send(Move(target: 1), to: move) }?.code == .noResponder)
        for (acceptBy, deadline, timeout) in [(0, 1, 1), (1, -1, 1), (1, 1, 0)] {
            let error = await messagingError {
                try await connection.send(
                    Move(target: 1),
                    to: move,
                    acceptBy: .seconds(acceptBy),
                    deadline: .seconds(deadline),
                    timeout: .seconds(timeout)
                )
            }
            #expect(error?.code == .invalidArgument)
        }
        #expect(await messagingError { try await connection.goal("", of: move) }?.code == .invalidArgument)
        #expect(
            await messagingError { try await connection.goal("a", of: move, timeout: .zero) }?.code == .invalidArgument
        )
        let bad: [ActionOptions] = [
            ActionOptions(policy: .queue(limit: 0)), ActionOptions(policy: .parallel(limit: 0)),
            ActionOptions(gracePeriod: .seconds(-1)), ActionOptions(lostClient: .cancel(after: .zero)),
            ActionOptions(resultLifetime: .seconds(-1)), ActionOptions(keptResults: 0),
        ]
        for options in bad {
            let error = await messagingError {
                try await connection.perform(move, options: options) { _ in Reached(position: 0) }
            }
            #expect(error?.code == .invalidArgument)
        }
        let misnamed = Action<Move, Progress, Reached>("arm.*")
        #expect(
            await messagingError { try await connection.perform(misnamed) { _ in Reached(position: 0) } }?.code
                == .invalidQueue
        )
        #expect(
            await messagingError { try await connection.send(Move(target: 1), to: misnamed) }?.code == .invalidQueue
        )
        await connection.close()
    }
}
