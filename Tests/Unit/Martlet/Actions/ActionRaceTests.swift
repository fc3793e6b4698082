import Martlet
import MartletTesting
import Testing

/// Each race has one outcome.
@Suite(.timeLimit(.minutes(10))) struct ActionRaceTests {
    private func isStatus(_ destination: BrokerDispatch.Destination) -> Bool {
        destination == .topic("arm.move.status", retain: false)
    }

    @Test func aGoalThatEndsBeforeItsClientHeardItWasAccepted() async throws {
        try await ActionFixture.run(mode: .stepped) { goal in
            try await goal.deliver(Progress(current: 5))
            return Reached(position: 5)
        } _: { fixture in
            async let sending = fixture.client.send(Move(target: 5), to: move)
            await fixture.deliver(to: "arm.move.send_goal")
            // Accepted, executing, succeeded, and the feedback: all come before the reply does.
            for _ in 0..<3 { await fixture.deliver(isStatus) }
            await fixture.deliver { $0 == .topic("arm.move.feedback", retain: false) }
            #expect(fixture.broker.pending.count == 1)
            await fixture.deliverReply()
            let goal = try await sending
            var seen: [Int] = []
            for try await feedback in goal.feedback { seen.append(feedback.current) }
            #expect(seen == [5], "it came after the end here, and is not lost for that")
            let result = try await fixture.delivering { try await goal.result }
            #expect(result == Reached(position: 5))
        }
    }

    @Test func aCancellationThatOvertakesItsGoal() async throws {
        let log = Log<Int>()
        try await ActionFixture.run(mode: .stepped) { goal in
            log.add(goal.value.target)
            return Reached(position: 0)
        } _: { fixture in
            let sending = Task { try await fixture.client.send(Move(target: 5), to: move) }
            await until { !fixture.broker.pending.isEmpty }
            let text = fixture.broker.pending[0].dispatch.message.headers[Headers.Standard.goalID]?.string
            let early = try await fixture.client.goal(GoalID(text ?? ""), of: move)
            async let cancelling = early.cancel()
            await fixture.deliver(to: "arm.move.cancel_goal")
            await fixture.deliverReply()
            #expect(try await cancelling == false, "the server does not know it yet")
            try await fixture.delivering {
                let goal = try await sending.value
                #expect(await messagingError { try await goal.result }?.code == .cancelled)
            }
            #expect(log.entries.isEmpty, "it never ran")
        }
    }

    @Test func aGoalThatIsSentTwice() async throws {
        let log = Log<Int>()
        try await ActionFixture.run { goal in
            log.add(goal.value.target)
            return Reached(position: 1)
        } _: { fixture in
            let request = Message(#"{"goal_data":{"target":1}}"#, headers: [Headers.Standard.goalID: "twice"])
            for _ in 0..<2 {
                let reply = try await fixture.client.call("arm.move.send_goal", request)
                #expect(reply.text?.contains(#""goal_id":"twice""#) == true)
            }
            #expect(try await fixture.client.goal("twice", of: move).result == Reached(position: 1))
            #expect(log.entries == [1])
        }
    }

    @Test func aClientThatStopsSending() async throws {
        let log = Log<String>()
        try await ActionFixture.run(mode: .stepped) { _ in
            log.add("began")
            do { try await untilCancelled() } catch { log.add("cancelled") }
            return Reached(position: 0)
        } _: { fixture in
            let sending = Task { try await fixture.client.send(Move(target: 5), to: move) }
            await fixture.deliver(to: "arm.move.send_goal")
            await log.wait(for: "began")
            sending.cancel()
            await #expect(throws: CancellationError.self) { try await sending.value }
            try await fixture.delivering { await log.wait(for: "cancelled") }
        }
    }

    @Test func cancellingTheWaitForTheResultCancelsTheGoal() async throws {
        let log = Log<String>()
        try await ActionFixture.run { _ in
            log.add("began")
            do { try await untilCancelled() } catch { log.add("cancelled") }
            throw CancellationError()
        } _: { fixture in
            for way in 0..<2 {
                let goal = try await fixture.client.send(Move(target: 5), to: move)
                let waiting = Task { way == 0 ? try await goal.result : try await goal.result { _ in } }
                await until { log.entries.count(where: { $0 == "began" }) == way + 1 }
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
                #expect([.canceling, .canceled].contains(try await goal.status()), "when it throws the server knows")
                #expect(await messagingError { try await goal.result }?.code == .cancelled)
            }
        }
    }

    @Test func readingFeedbackIsNotOwningTheGoal() async throws {
        let gate = Gate()
        try await ActionFixture.run { _ in
            await gate.wait()
            try Task.checkCancellation()
            return Reached(position: 1)
        } _: { fixture in
            defer { gate.open() }
            let goal = try await fixture.client.send(Move(target: 5), to: move)
            let reading = Task { for try await _ in goal.feedback {} }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            gate.open()
            #expect(try await goal.result == Reached(position: 1))
        }
    }

    @Test func aClientThatDiesLeavesItsGoal() async throws {
        let gate = Gate()
        try await ActionFixture.run { _ in
            await gate.wait()
            try Task.checkCancellation()
            return Reached(position: 1)
        } _: { fixture in
            defer { gate.open() }
            let id = try await fixture.client.send(Move(target: 5), to: move).id
            await fixture.client.close()
            gate.open()
            let other = try await fixture.broker.connect(name: "other")
            #expect(try await other.goal(id, of: move).result == Reached(position: 1))
            await other.close()
        }
    }

    @Test func aServerThatDies() async throws {
        let clock = TestClock()
        let log = Log<String>()
        try await ActionFixture.run(clock: clock) { _ in
            log.add("began")
            try await untilCancelled()
        } _: { fixture in
            let goal = try await fixture.client.send(Move(target: 5), to: move)
            await log.wait(for: "began")
            await fixture.server.close()
            try await withBackground {
                while true {
                    clock.advance(by: .seconds(1))
                    await Task.yield()
                    try Task.checkCancellation()
                }
            } _: {
                async let result = messagingError { try await goal.result }
                async let feedback = messagingError { for try await _ in goal.feedback {} }
                #expect(await result?.code == .noResponder)
                #expect(await feedback?.code == .noResponder)
            }
        }
    }

    @Test func aServerThatComesBackWithoutMemory() async throws {
        let log = Log<String>()
        try await ActionFixture.run { _ in
            log.add("began")
            try await untilCancelled()
        } _: { fixture in
            let goal = try await fixture.client.send(Move(target: 5), to: move)
            await log.wait(for: "began")
            await fixture.server.close()
            let next = try await fixture.broker.connect(name: "next")
            await withThrowingTaskGroup { group in
                group.addTask { try await next.perform(move) { _ in Reached(position: 0) } }
                await fixture.waitForServer()
                #expect(await messagingError { try await goal.result }?.code == .unknownGoal)
                group.cancelAll()
                try? await group.waitForAll()
            }
            await next.close()
        }
    }

    @Test func aServerWhoseLinkIsLostForAMoment() async throws {
        let gate = Gate()
        try await ActionFixture.run { _ in
            await gate.wait()
            return Reached(position: 1)
        } _: { fixture in
            defer { gate.open() }
            let goal = try await fixture.client.send(Move(target: 5), to: move, timeout: .seconds(300))
            async let result = goal.result
            fixture.server.cut()
            gate.open()
            fixture.server.restore()
            #expect(try await result == Reached(position: 1))
        }
    }

    @Test func aClientThatIsClosedItself() async throws {
        try await ActionFixture.run { _ in
            try await untilCancelled()
        } _: { fixture in
            let goal = try await fixture.client.send(Move(target: 5), to: move, timeout: .seconds(300))
            async let result = messagingError { try await goal.result }
            async let feedback = messagingError { for try await _ in goal.feedback {} }
            await fixture.client.close()
            #expect(await result?.code == .connectionClosed)
            #expect(await feedback?.code == .connectionClosed)
        }
    }

    @Test func twoHundredGoalsWithRandomCancellations() async throws {
        // However slow the machine is, no handler counts as unresponsive.
        let options = ActionOptions(policy: .parallel(limit: 200), gracePeriod: .seconds(600))
        try await ActionFixture.run(options: options) { goal in
            if goal.value.target % 2 == 0 { try await untilCancelled() }
            for _ in 0..<goal.value.target { await Task.yield() }
            goal.report(Progress(current: goal.value.target))
            return Reached(position: goal.value.target)
        } _: { fixture in
            let statuses = try await fixture.client.subscribe(
                to: "arm.move.status",
                options: SubscribeOptions(overflow: .dropNewest, limit: 10_000)
            )
            let outcomes = try await withThrowingTaskGroup(of: GoalStatus.self) { group in
                for target in 0..<200 {
                    group.addTask {
                        let goal = try await fixture.client.send(Move(target: target), to: move, timeout: .seconds(300))
                        for _ in 0..<Int.random(in: 0..<200) { await Task.yield() }
                        // The even ones never end by themselves; of the others some have ended when this comes.
                        if target % 2 == 0 || target % 3 == 0 { try await goal.cancel() }
                        return try await goal.outcome.status
                    }
                }
                return try await group.reduce(into: [GoalStatus: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes.values.reduce(0, +) == 200)
            #expect(outcomes[.aborted] == nil)
            #expect((100...134).contains(outcomes[.canceled] ?? 0))
            var ends: [String: Int] = [:]
            while ends.count < 200, let delivery = try await statuses.next() {
                let text = delivery.message.text ?? ""
                guard ["4", "5", "6"].contains(where: { text.contains(#""status":\#($0)"#) }) else { continue }
                ends[delivery.message.headers[Headers.Standard.goalID]?.string ?? "", default: 0] += 1
            }
            #expect(ends.count == 200)
            #expect(ends.values.allSatisfy { $0 == 1 }, "each ends once")
            #expect(statuses.dropped == 0)
        }
    }
}
