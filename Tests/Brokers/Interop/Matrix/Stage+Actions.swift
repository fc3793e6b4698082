import IntegrationSupport
import Martlet

/// Actions.
extension Stage {
    typealias Count = Action<CountGoal, CountFeedback, CountResult>

    var count: Count { Count(QueueName(name)) }

    /// Sends a goal as soon as the server is there: its library does not tell when it has begun to listen.
    func sendGoal(_ target: Int, to server: PythonPeer) async throws -> GoalHandle<CountFeedback, CountResult> {
        try await server.next("ready")
        while true {
            do {
                return try await connection.send(CountGoal(target: target), to: count, timeout: .seconds(5))
            } catch let error as MessagingError where error.code == .noResponder {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    func sendGoalToPython() async throws {
        try await withPeer("perform") { server in
            let goal = try await sendGoal(10, to: server)
            var seen: [Int] = []
            for try await feedback in goal.feedback { seen.append(feedback.current) }
            try require(seen, is: Array(1...10), "the feedback")
            let result = try await goal.result
            try require(result, is: CountResult(count: 10), "the result")
        }
    }

    func cancelGoalOfPython() async throws {
        try await withPeer("perform") { server in
            let goal = try await sendGoal(1_000, to: server)
            for try await feedback in goal.feedback where feedback.current >= 3 {
                let isCancelled = try await goal.cancel()
                try require(isCancelled, "the goal can be cancelled")
                break
            }
            let reached = try await server.next("cancelled")["count"]?.integer ?? 0
            switch try await goal.outcome {
            case .canceled(let result, _): try require(result, is: CountResult(count: reached), "the result")
            case let outcome: throw Mismatch(description: "the goal ended as \(outcome)")
            }
        }
    }

    /// Runs `body` while Martlet counts for whoever sends a goal, once `go` is open; cancelled, it says how far it has come.
    func performing(
        go: Gate = Gate(isOpen: true),
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let gate = Gate()
        try await withBackground {
            try await connection.perform(count, onReady: { gate.open() }) { goal in
                try await go.wait()
                var reached = 0
                while reached < goal.value.target, !goal.isCancelled {
                    try? await Task.sleep(for: .milliseconds(30))
                    reached += 1
                    goal.report(CountFeedback(current: reached))
                }
                return CountResult(count: reached)
            }
        } _: {
            try await gate.wait()
            try await body()
        }
    }

    func performForPython() async throws {
        let go = Gate()
        try await performing(go: go) {
            try await withPeer("send_goal", ["target": 10, "expected_feedback": 10]) { client in
                let reply = try await client.next("goal")
                try require(reply["status"], is: 1, "the goal is taken on")
                // It hears nothing before the reply to its goal.
                go.open()
                let end = try await client.next("result")
                try require(end["seen"], is: true, "the client is told of the end")
                try require(end["status"], is: 4, "the status")
                try require(end["data"], is: ["count": 10], "the result")
                try require(end["feedback"]?.array?.compactMap(\.integer), is: Array(1...10), "the feedback")
            }
        }
    }

    func beCancelledByPython() async throws {
        try await performing {
            try await withPeer("send_goal", ["target": 1_000, "cancel_after": 3]) { client in
                try await require(client.next("cancel")["status"], is: 1, "the goal can be cancelled")
                let end = try await client.next("result")
                try require(end["seen"], is: true, "the client is told of the end")
                try require(end["status"], is: 6, "the status")
                let reached = end["data"]?["count"]?.integer ?? -1
                try require((3..<1_000).contains(reached), "the result is \(end)")
            }
        }
    }
}
