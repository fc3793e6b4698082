import Martlet

/// Actions: long jobs with feedback, which can be cancelled, and preempted by newer ones.
struct Actions: Example {
    let name = "action"
    let summary = "long jobs: goals, feedback, results, cancellation, preemption by a newer goal"

    struct Reach: Codable, Sendable {
        var height: Int
    }

    /// A goal, its feedback and its result; here each is a height in centimetres.
    let move = Action<Reach, Reach, Reach>("arm.move")

    func run(on broker: Broker) async throws {
        let connection = try await broker.connect(name: "arm")
        let arm = Node("arm", on: connection) {
            Perform(move, options: ActionOptions(policy: .preemptLatest)) { goal in
                var height = 0
                do {
                    while height < goal.value.height {
                        try await Task.sleep(for: .milliseconds(10))  // Throws once the goal is cancelled.
                        height += 1
                        goal.report(Reach(height: height))
                    }
                } catch is CancellationError {
                    // A cancelled goal may have a result all the same: how far it came.
                }
                return Reach(height: height)
            }
        }
        let client = try await broker.connect(name: "client")
        try await arm.whileRunning {
            let first = try await client.send(Reach(height: 3), to: move)
            print("the first goal reached \(try await first.result.height) cm")

            let second = try await client.send(Reach(height: 1_000_000), to: move)
            for try await feedback in second.feedback where feedback.height >= 2 { break }

            // The arm can do one thing at a time: the newer goal takes the place of the one at work.
            let third = try await client.send(Reach(height: 1), to: move)
            if case .canceled(let reached?, _) = try await second.outcome {
                print(
                    "the second goal was canceled on its way, \(reached.height < 1_000_000 ? "far from" : "at") its end"
                )
            }
            print("the third goal reached \(try await third.result.height) cm")

            let fourth = try await client.send(Reach(height: 1_000_000), to: move)
            try await fourth.cancel()
            print("the fourth goal was \(try await fourth.outcome.status)")
        }
    }
}
