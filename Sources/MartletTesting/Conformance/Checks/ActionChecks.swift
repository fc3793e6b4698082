import Martlet

extension ConformanceSuite {
    /// Actions: how goals are taken on, followed and answered.
    public static let actions: [ConformanceCheck] = [
        ConformanceCheck(
            "a goal tells how it goes on, in order, and then its result",
            crosses: [.action("followed")],
            tolerates: [.delay, .duplicate]
        ) {
            environment in
            let seen = Recorder<Int>()
            try await withAction(environment, "followed") { goal in
                for step in 0..<goal.value { try await goal.deliver(step) }
                // Status and feedback are two topics; that one does not overtake the other is not promised here.
                try await seen.wait { $0.last == goal.value - 1 }
                return goal.value * 2
            } _: { action, client, _ in
                let goal = try await client.send(30, to: action)
                for try await step in goal.feedback where step != seen.values.last { seen.record(step) }
                try environment.expect(seen.values, equals: Array(0..<30), "the feedback")
                try await environment.expect(goal.result, equals: 60, "the result")
                try await environment.expect(goal.status(), equals: .succeeded, "the status")
            }
        },

        ConformanceCheck(
            "a goal that ends at once has its result",
            crosses: [.action("fast")],
            tolerates: reliableFaults
        ) { environment in
            try await withAction(environment, "fast") { goal in
                goal.report(goal.value)
                return goal.value
            } _: { action, client, _ in
                for number in 0..<10 {
                    let goal = try await client.send(number, to: action)
                    try await environment.expect(goal.result, equals: number, "the result")
                }
            }
        },

        ConformanceCheck(
            "a goal that nobody serves is an error at once",
            crosses: [.action("unserved")],
            requires: .responderDetection
        ) { environment in
            let client = try await environment.connect()
            let action = Action<Int, Int, Int>(environment.queue("unserved"))
            let start = ContinuousClock.now
            try await environment.expect(.noResponder, from: "sending the goal") {
                _ = try await client.send(1, to: action, timeout: .seconds(25))
            }
            let took = ContinuousClock.now - start
            try environment.expect(took < .seconds(20), "an error at once", actual: "it took \(took)")
        },

        ConformanceCheck(
            "a busy server rejects a goal, and says for which one",
            crosses: [.action("busy")],
            tolerates: reliableFaults
        ) {
            environment in
            let release = Recorder<Void>()
            try await withAction(environment, "busy") { goal in
                try await release.wait(for: 1)
                return goal.value
            } _: { action, client, _ in
                let first = try await client.send(1, to: action)
                let error = try await environment.expect(.goalRejected, from: "a second goal") {
                    _ = try await client.send(2, to: action)
                }
                try environment.expect(
                    error.message.contains(first.id.text),
                    "the error to name goal \(first.id)",
                    actual: "it says \(error.message)"
                )
                release.signal()
                try await environment.expect(first.result, equals: 1, "the first goal's result")
                let third = try await client.send(3, to: action)
                try await environment.expect(third.result, equals: 3, "a later goal's result")
            }
        },

        ConformanceCheck(
            "the newest goal preempts the others, one handler at a time",
            crosses: [.action("preempted")],
            tolerates: reliableFaults
        ) {
            environment in
            let begun = Recorder<Int>()
            let ended = Recorder<Int>()
            let stopping = Recorder<Void>()
            let release = Recorder<Void>()
            try await withAction(environment, "preempted", policy: .preemptLatest) { goal in
                begun.record(goal.value)
                let active = begun.values.count - ended.values.count
                defer { ended.record(goal.value) }
                guard goal.value == 1 else { return active }
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    stopping.signal()
                    // Winding down takes its time, and nobody else may begin before it is over.
                    await shielded { _ = try? await release.wait(for: 1) }
                    throw error
                }
                return active
            } _: { action, client, _ in
                // Whatever happens: the server ends when its handlers have.
                defer { release.signal() }
                let first = try await client.send(1, to: action)
                try await begun.wait(for: 1)
                let second = try await client.send(2, to: action)
                try await stopping.wait(for: 1)
                let third = try await client.send(3, to: action)
                try await environment.expect(.cancelled, from: "the goal that waited") { _ = try await second.result }
                try environment.expect(begun.values, equals: [1], "the handlers that have begun")
                release.signal()
                try await environment.expect(third.result, equals: 1, "the handlers at work beside the newest goal")
                try await environment.expect(.cancelled, from: "the oldest goal") { _ = try await first.result }
                try environment.expect(begun.values, equals: [1, 3], "the goals that ran")
            }
        },

        ConformanceCheck(
            "goals in a queue run one after the other, in order",
            crosses: [.action("queued")],
            tolerates: reliableFaults
        ) {
            environment in
            let begun = Recorder<Int>()
            let release = Recorder<Void>()
            try await withAction(environment, "queued", policy: .queue(limit: 2)) { goal in
                begun.record(goal.value)
                try await release.wait(for: 1)
                return goal.value
            } _: { action, client, _ in
                var goals: [GoalHandle<Int, Int>] = []
                for number in 1...3 { goals.append(try await client.send(number, to: action)) }
                try await environment.expect(.goalRejected, from: "one goal more than there is room for") {
                    _ = try await client.send(4, to: action)
                }
                try await environment.expect(goals[2].status(), equals: .accepted, "the status of a goal that waits")
                release.signal()
                for (index, goal) in goals.enumerated() {
                    try await environment.expect(goal.result, equals: index + 1, "the result")
                }
                try environment.expect(begun.values, equals: [1, 2, 3], "the order of the goals")
            }
        },

        ConformanceCheck(
            "parallel goals run side by side, as many as may",
            crosses: [.action("parallel")],
            tolerates: reliableFaults
        ) { environment in
            let begun = Recorder<Int>()
            let release = Recorder<Void>()
            try await withAction(environment, "parallel", policy: .parallel(limit: 2)) { goal in
                begun.record(goal.value)
                try await release.wait(for: 1)
                return goal.value
            } _: { action, client, _ in
                let goals = [try await client.send(0, to: action), try await client.send(1, to: action)]
                try await begun.wait(for: 2)
                try await environment.expect(.goalRejected, from: "one goal more than may run") {
                    _ = try await client.send(2, to: action)
                }
                release.signal()
                for (index, goal) in goals.enumerated() {
                    try await environment.expect(goal.result, equals: index, "the result")
                }
                try environment.expect(begun.values.sorted(), equals: [0, 1], "the goals that ran")
            }
        },

        ConformanceCheck(
            "who comes later gets a goal's result too",
            crosses: [.action("late")],
            tolerates: reliableFaults
        ) { environment in
            try await withAction(environment, "late") { goal in
                goal.value
            } _: { action, client, _ in
                let id = try await client.send(7, to: action).id
                let other = try await environment.connect()
                let goal = try await other.goal(id, of: action)
                try await environment.expect(goal.result, equals: 7, "the result")
                for try await step in goal.feedback {
                    throw environment.failure(expected: "no feedback", actual: "there was \(step)")
                }
                let unknown = try await other.goal("conformance-nobody", of: action)
                try await environment.expect(.unknownGoal, from: "the result of a goal that nobody sent") {
                    _ = try await unknown.result
                }
            }
        },

        ConformanceCheck("a goal that is sent twice runs once", crosses: [.action("twice")], tolerates: reliableFaults)
        { environment in
            let begun = Recorder<Int>()
            try await withAction(environment, "twice") { goal in
                begun.record(goal.value)
                return goal.value
            } _: { action, client, _ in
                let queue = QueueName("\(action.name.text).send_goal")
                let request = Message(#"{"goal_data":5}"#, headers: [Headers.Standard.goalID: "conformance-twice"])
                for _ in 0..<2 {
                    let reply = try await client.call(queue, request)
                    try environment.expect(
                        reply.text?.contains("conformance-twice") == true,
                        "an answer about the goal",
                        actual: "it was \(reply.text ?? "bytes")"
                    )
                }
                let goal = try await client.goal("conformance-twice", of: action)
                try await environment.expect(goal.result, equals: 5, "the result")
                try environment.expect(begun.values, equals: [5], "the goals that ran")
            }
        },

        ConformanceCheck(
            "whatever the link does, a goal runs at most once and its client's wait ends",
            crosses: [.action("whatever")],
            tolerates: .all
        ) {
            environment in
            let begun = Recorder<GoalID>()
            try await withAction(environment, "whatever", policy: .queue(limit: 10)) { goal in
                begun.record(goal.id)
                goal.report(goal.value)
                return goal.value
            } _: { action, client, _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<4 {
                        group.addTask {
                            do {
                                let goal = try await client.send(number, to: action, timeout: .milliseconds(400))
                                try await environment.expect(goal.result, equals: number, "the result")
                            } catch let error as MessagingError {
                                let allowed: Set<MessagingError.Code> = [
                                    .timeout, .noResponder, .connectionLost, .notConnected, .cancelled,
                                ]
                                try environment.expect(
                                    allowed.contains(error.code),
                                    "a result, or an error that says that the link is at fault",
                                    actual: "\(error)"
                                )
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let runs = begun.values
                try environment.expect(Set(runs).count, equals: runs.count, "the count of runs")
            }
        },
    ]

    /// A server of an action, on a connection of its own, and a client's connection.
    static func withAction(
        _ environment: ConformanceEnvironment,
        _ name: String,
        policy: ActionPolicy = .rejectIfBusy,
        handler: @escaping @Sendable (GoalContext<Int, Int>) async throws -> Int,
        _ body: (Action<Int, Int, Int>, _ client: any Connection, _ server: any Connection) async throws -> Void
    ) async throws {
        let action = Action<Int, Int, Int>(environment.queue(name))
        let client = try await environment.connect()
        let server = try await environment.connect(at: .sink)
        // On a busy machine a check may take longer than the default before it lets a cancelled handler end.
        let options = ActionOptions(policy: policy, gracePeriod: .seconds(120))
        try await environment.performing(action, on: server, options: options, handler: handler) {
            try await body(action, client, server)
        }
    }
}
