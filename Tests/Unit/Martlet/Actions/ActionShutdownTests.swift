import Martlet
import MartletTesting
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

/// How a server ends, and what its clients see of it.
@Suite(.timeLimit(.minutes(10))) struct ActionShutdownTests {
    @Test func aGracefulShutdownLetsGoalsFinish() async throws {
        let gate = Gate()
        let log = Log<String>()
        let broker = MemoryBroker()
        let server = try await broker.connect(name: "server")
        let client = try await broker.connect(name: "client")
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await server.perform(move, options: ActionOptions(policy: .queue(limit: 3))) { goal in
                        log.add("began \(goal.value.target)")
                        if goal.value.target == 2 { try await untilCancelled() }
                        await gate.wait()
                        return Reached(position: goal.value.target)
                    }
                    log.add("ended")
                }
                await until { broker.presence.queues.contains { $0.name == "arm.move.send_goal" } }
                let goal = try await client.send(Move(target: 1), to: move)
                let waiting = try await client.send(Move(target: 2), to: move)
                async let result = goal.result
                await log.wait(for: "began 1")
                trigger.triggerGracefulShutdown()
                #expect(await messagingError { try await waiting.result }?.code == .shuttingDown)
                let refusal = await messagingError { try await client.send(Move(target: 3), to: move) }
                #expect([.noResponder, .shuttingDown].contains(refusal?.code))
                #expect(try await goal.status() == .executing)
                gate.open()
                #expect(try await result == Reached(position: 1))
                try await group.waitForAll()
                #expect(log.entries == ["began 1", "ended"])
            }
        }
        await client.close()
        await server.close()
    }

    /// A server that has been asked about a goal stays until it has been asked about its end.
    @Test func theLastResultIsStillFetched() async throws {
        let gate = Gate()
        let broker = MemoryBroker()
        let server = try await broker.connect(name: "server")
        let client = try await broker.connect(name: "client")
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await server.perform(move) { goal in
                        await gate.wait()
                        return Reached(position: goal.value.target)
                    }
                }
                await until { broker.presence.queues.contains { $0.name == "arm.move.send_goal" } }
                let goal = try await client.send(Move(target: 1), to: move)
                #expect(try await goal.status() == .executing)
                let statuses = try await client.subscribe(to: "arm.move.status")
                trigger.triggerGracefulShutdown()
                gate.open()
                // The end is known, and the server has nothing left to do but wait for the question.
                #expect(try await statuses.next()?.message.text?.contains(#""status":4"#) == true)
                #expect(try await goal.result == Reached(position: 1))
                try await group.waitForAll()
            }
        }
        await client.close()
        await server.close()
    }

    @Test func aCancelledServerCancelsItsGoals() async throws {
        let log = Log<String>()
        let broker = MemoryBroker()
        // Its time stands still, so that it waits for whoever has asked to ask again.
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: TestClock()))
        let client = try await broker.connect(name: "client")
        let serving = Task {
            try await server.perform(move) { goal in
                log.add("began")
                do { try await untilCancelled() } catch { log.add("cancelled") }
                // What it does to wind down still goes out.
                goal.report(Progress(current: 9))
                return Reached(position: 9)
            }
        }
        await until { broker.presence.queues.contains { $0.name == "arm.move.send_goal" } }
        let statuses = try await client.subscribe(to: "arm.move.status")
        let goal = try await client.send(Move(target: 1), to: move)
        async let outcome = goal.outcome
        await log.wait(for: "began")
        #expect(try await goal.status() == .executing)
        serving.cancel()
        await #expect(throws: CancellationError.self) { try await serving.value }
        #expect(log.entries == ["began", "cancelled"])
        var said: [String] = []
        while let delivery = statuses.nextIfReady() {
            said.append(String(delivery.message.text?.filter(\.isNumber).suffix(1) ?? ""))
        }
        #expect(said.count == 4, "accepted, executing, canceling, canceled were all published before it returned")
        guard case .canceled(_, let error) = try await outcome else { Issue.record("it was canceled"); return }
        #expect([.shuttingDown, .cancelled].contains(error.code))
        var seen: [Int] = []
        for try await feedback in goal.feedback { seen.append(feedback.current) }
        #expect(seen == [9])
        await client.close()
        await server.close()
    }

    /// Nobody can ask for the result any more, so nobody is waited for: neither after the close, nor in the midst of it.
    @Test(arguments: [false, true])
    func aClosedConnectionEndsAServerThatWasAsked(isCancelledFirst: Bool) async throws {
        let log = Log<String>()
        let clock = TestClock()
        let broker = MemoryBroker()
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        let client = try await broker.connect(name: "client")
        let serving = Task {
            try await server.perform(move) { _ in
                log.add("began")
                defer { log.add("ended") }
                try await untilCancelled()
            }
        }
        await until { broker.presence.queues.contains { $0.name == "arm.move.send_goal" && $0.consumers > 0 } }
        let goal = try await client.send(Move(target: 1), to: move)
        await log.wait(for: "began")
        #expect(try await goal.status() == .executing)
        if isCancelledFirst {
            serving.cancel()
            await log.wait(for: "ended")
        }
        await server.close()
        _ = await serving.result
        #expect(log.entries == ["began", "ended"])
        await client.close()
    }

    @Test func aServerThatIsCancelledBeforeItBegan() async throws {
        let connection = try await MemoryBroker().connect(name: "server")
        let serving = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await connection.perform(move) { _ in Reached(position: 0) }
        }
        await #expect(throws: CancellationError.self) { try await serving.value }
        await connection.close()
    }

    @Test func aClosedConnectionEndsTheServer() async throws {
        let log = Log<String>()
        let broker = MemoryBroker()
        let server = try await broker.connect(name: "server")
        let client = try await broker.connect(name: "client")
        let serving = Task {
            try await server.perform(move) { _ in
                log.add("began")
                do { try await untilCancelled() } catch { log.add("cancelled") }
                return Reached(position: 0)
            }
        }
        await until { broker.presence.queues.contains { $0.name == "arm.move.send_goal" } }
        _ = try await client.send(Move(target: 1), to: move)
        await log.wait(for: "began")
        await server.close()
        try await serving.value
        #expect(log.entries == ["began", "cancelled"])
        await client.close()
    }
}
