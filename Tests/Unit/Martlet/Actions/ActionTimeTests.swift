import Martlet
import MartletTesting
import Testing

/// What happens when something takes too long.
@Suite(.timeLimit(.minutes(10))) struct ActionTimeTests {
    /// A handler that ignores its cancellation keeps its place: no second one runs beside it.
    @Test func anUncooperativeHandler() async throws {
        let clock = TestClock()
        let gate = Gate()
        let log = Log<String>()
        try await ActionFixture.run(options: ActionOptions(policy: .preemptLatest), clock: clock) { goal in
            log.add("begin \(goal.value.target)")
            if goal.value.target == 1 { await gate.wait() }
            log.add("end \(goal.value.target)")
            return Reached(position: goal.value.target)
        } _: { fixture in
            defer { gate.open() }
            let first = try await fixture.client.send(Move(target: 1), to: move)
            await log.wait(for: "begin 1")
            let second = try await fixture.client.send(Move(target: 2), to: move)
            let third = try await fixture.client.send(Move(target: 3), to: move)
            #expect(try await first.status() == .canceling)
            #expect(await messagingError { try await second.result }?.code == .cancelled)
            clock.advance(by: .milliseconds(4_999))
            #expect(try await first.status() == .canceling)
            clock.advance(by: .milliseconds(1))
            #expect(await messagingError { try await first.result }?.code == .handlerUnresponsive)
            #expect(try await third.status() == .accepted)
            #expect(log.entries == ["begin 1"])
            gate.open()
            #expect(try await third.result == Reached(position: 3))
            #expect(log.entries == ["begin 1", "end 1", "begin 3", "end 3"])
            #expect(try await first.status() == .aborted, "that it returned after all changes nothing")
        }
    }

    @Test func aGoalThatCannotBeginInTime() async throws {
        let clock = TestClock()
        let gate = Gate()
        let log = Log<Int>()
        try await ActionFixture.run(options: ActionOptions(policy: .queue(limit: 9)), clock: clock) { goal in
            log.add(goal.value.target)
            await gate.wait()
            return Reached(position: goal.value.target)
        } _: { fixture in
            defer { gate.open() }
            let first = try await fixture.client.send(Move(target: 1), to: move, acceptBy: .seconds(2))
            let second = try await fixture.client.send(Move(target: 2), to: move, acceptBy: .seconds(2))
            let third = try await fixture.client.send(Move(target: 3), to: move)
            await log.wait(for: 1)
            clock.advance(by: .seconds(2))
            #expect(await messagingError { try await second.result }?.code == .timeout)
            gate.open()
            #expect(try await third.result == Reached(position: 3))
            #expect(try await first.result == Reached(position: 1), "it had begun in time")
            #expect(log.entries == [1, 3])
        }
    }

    /// The first question is answered after the second was asked, and later ones never are.
    @Test func anAnswerThatComesAfterTheNextQuestion() async throws {
        let clock = TestClock()
        let broker = MemoryBroker()
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        let client = try await broker.connect(options: ConnectionOptions(name: "client", clock: clock))
        let gate = Gate()
        let questions = Log<Int>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.respond(to: "arm.move.get_result") { _ in
                    let number = questions.entries.count + 1
                    questions.add(number)
                    if number > 1 { try await untilCancelled() }
                    await gate.wait()
                    var answer = Message(#"{"status":4,"timestamp":-1,"result":{"position":3},"error":""}"#)
                    // As of a server whose first word counts.
                    answer.headers[Headers.Standard.goalID] = "0123"
                    return answer
                }
            }
            await until { broker.presence.queues.contains { $0.consumers > 0 } }
            let goal = try await client.goal("0123", of: move, timeout: .seconds(10))
            async let result = goal.result
            await questions.wait(for: 1)
            for number in 2...4 {
                let next = clock.now.advanced(by: .milliseconds(2_500))
                await until { clock.deadlines.contains(next) }
                clock.advance(to: next)
                await questions.wait(for: number)
            }
            gate.open()
            let position = try await result.position
            #expect(position == 3)
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        await client.close()
        await server.close()
    }

    @Test func aDeadline() async throws {
        let clock = TestClock()
        let log = Log<String>()
        try await ActionFixture.run(clock: clock) { goal in
            log.add("\(goal.timeLeft ?? .zero)")
            do { try await untilCancelled() } catch { log.add("cancelled") }
            return Reached(position: 1)
        } _: { fixture in
            let goal = try await fixture.client.send(Move(target: 1), to: move, deadline: .seconds(3))
            await log.wait(for: "3.0 seconds")
            clock.advance(by: .seconds(3))
            await log.wait(for: "cancelled")
            guard case .aborted(let error) = try await goal.outcome else { Issue.record("it was aborted"); return }
            #expect(error.code == .timeout)
        }
    }

    @Test func aClientThatDiesTakesItsGoalAlong() async throws {
        let clock = TestClock()
        let log = Log<String>()
        let options = ActionOptions(lostClient: .cancel(after: .seconds(3)))
        try await ActionFixture.run(options: options, clock: clock) { _ in
            log.add("began")
            do { try await untilCancelled() } catch { log.add("cancelled") }
            return Reached(position: 1)
        } _: { fixture in
            let id = try await fixture.client.send(Move(target: 1), to: move).id
            await log.wait(for: "began")
            await fixture.client.close()
            clock.advance(by: .milliseconds(2_999))
            #expect(log.entries == ["began"])
            clock.advance(by: .milliseconds(1))
            await log.wait(for: "cancelled")
            let other = try await fixture.broker.connect(name: "other")
            let error = await messagingError { try await other.goal(id, of: move).result }
            #expect(error?.code == .cancelled)
            #expect(error?.message.contains("not heard of") == true)
            await other.close()
        }
    }

    @Test(arguments: [true, false])
    func aClientThatWaitsIsHeardOf(waitsForResult: Bool) async throws {
        let clock = TestClock()
        let gate = Gate()
        let options = ActionOptions(lostClient: .cancel(after: .milliseconds(3_500)))
        try await ActionFixture.run(options: options, clock: clock) { _ in
            await gate.wait()
            try Task.checkCancellation()
            return Reached(position: 1)
        } _: { fixture in
            defer { gate.open() }
            let goal = try await fixture.client.send(Move(target: 1), to: move)
            let waiting = Task {
                if waitsForResult { _ = try await goal.result } else { for try await _ in goal.feedback {} }
            }
            // It asks once a second, and at no such time does anybody else wake.
            for second in 1...20 {
                await until { clock.deadlines.contains(TestClock.Instant(offset: .seconds(second))) }
                clock.advance(by: .seconds(1))
            }
            #expect(try await goal.status() == .executing)
            gate.open()
            try await waiting.value
            #expect(try await goal.result == Reached(position: 1))
        }
    }

    @Test func aResultIsForgottenInTheEnd() async throws {
        let clock = TestClock()
        try await ActionFixture.run(clock: clock) { _ in
            Reached(position: 1)
        } _: { fixture in
            let goal = try await fixture.client.send(Move(target: 1), to: move)
            #expect(try await goal.result == Reached(position: 1))
            clock.advance(by: .seconds(299))
            #expect(try await goal.result == Reached(position: 1))
            clock.advance(by: .seconds(1))
            #expect(await messagingError { try await goal.result }?.code == .unknownGoal)
        }
    }

    /// No status arrives at all: asking is enough.
    @Test func lostStatusMessages() async throws {
        struct Deaf: BrokerHandler {
            mutating func dispatches(
                _ dispatch: BrokerDispatch,
                from client: BrokerClient,
                actions: inout BrokerActions
            ) -> BrokerRuling<BrokerDispatch> {
                dispatch.destination == .topic("arm.move.status", retain: false) ? .refuse("lost") : .accept
            }
        }
        let broker = MemoryBroker(handler: Deaf())
        let clock = TestClock()
        let connection = try await broker.connect(options: ConnectionOptions(clock: clock))
        let gate = Gate()
        await withThrowingTaskGroup { group in
            group.addTask {
                try await connection.perform(move) { _ in
                    await gate.wait()
                    return Reached(position: 1)
                }
            }
            await until { broker.presence.queues.contains { $0.name == "arm.move.send_goal" } }
            do {
                let goal = try await connection.send(Move(target: 1), to: move)
                async let result = goal.result
                async let feedback = Array(goal.feedback)
                // Both wait for their next question now, which is what brings the end.
                await until { clock.deadlines.count(where: { $0.offset == .seconds(1) }) == 2 }
                gate.open()
                await until { connection.statistics.droppedOffline == 3 }
                clock.advance(by: .seconds(1))
                #expect(try await result == Reached(position: 1))
                #expect(try await feedback.isEmpty)
            } catch {
                Issue.record(error)
            }
            group.cancelAll()
            try? await group.waitForAll()
        }
        await connection.close()
    }
}

extension Array where Element: Sendable {
    fileprivate init<Elements: AsyncSequence>(_ elements: Elements) async throws where Elements.Element == Element {
        self = []
        for try await element in elements { append(element) }
    }
}
