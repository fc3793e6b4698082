import Martlet

/// What `martlet demo memory:` does with its own node: something of everything, as another process would.
struct DemoTour: Sendable {
    let output: OutputWriter

    func run(on connection: any Connection) async throws {
        let clock = try await connection.subscribe(to: TopicFilter(DemoNode.clock))
        let sum = try await connection.call(DemoNode.add, DemoNode.Pair(a: 20, b: 22))
        try output.writeLine(note: "call", "demo.add answers \(DemoNode.text(sum.c))")

        let goal = try await connection.send(DemoNode.Count(target: 3, period: 100), to: DemoNode.count)
        for try await step in goal.feedback { try output.writeLine(note: "goal", "demo.count is at \(step.current)") }
        let reached = try await goal.result
        try output.writeLine(note: "goal", "demo.count has reached \(reached.count)")

        let second = try await connection.send(DemoNode.Count(target: 1_000, period: 100), to: DemoNode.count)
        for try await step in second.feedback where step.current == 2 { try await second.cancel() }
        try output.writeLine(note: "goal", "demo.count was preempted: \(try await second.outcome.status)")

        if let time = try await clock.next() {
            try output.writeLine(note: "subscribe", "demo.clock says \(time.value.time)")
        }
    }
}
