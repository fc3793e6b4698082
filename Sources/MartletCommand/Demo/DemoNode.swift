import Martlet
import MartletConsole

/// The node of `martlet demo`.
struct DemoNode: Sendable {
    struct Pair: Codable, Sendable {
        var a: Double
        var b: Double
    }

    struct Sum: Codable, Sendable {
        var c: Double
    }

    struct Count: Codable, Sendable {
        var target: Int
        /// In milliseconds.
        var period: Int?
    }

    struct Step: Codable, Sendable {
        var current: Int
    }

    struct Reached: Codable, Sendable {
        var count: Int
    }

    struct Clock: Codable, Sendable {
        var time: String
    }

    struct Countdown: Codable, Sendable {
        var from: Int
        /// In milliseconds.
        var period: Int?
    }

    static let add = RPC<Pair, Sum>("demo.add")
    static let countdown = StreamingRPC<Countdown, Int>("demo.countdown")
    static let count = Action<Count, Step, Reached>("demo.count")
    static let clock = Topic<Clock>("demo.clock")

    let output: OutputWriter

    func node(on connection: any Connection) -> Node {
        Node("demo", on: connection, options: NodeOptions(heartbeat: .every(.seconds(2)))) {
            Respond(to: Self.add) { pair in
                try? output.writeLine(note: "demo.add", "\(Self.text(pair.a)) + \(Self.text(pair.b))")
                return Sum(c: pair.a + pair.b)
            }
            Respond(to: Self.countdown) { request, writer in try await count(down: request, to: writer) }
            Perform(Self.count, options: ActionOptions(policy: .parallel(limit: 16))) { goal in
                try await count(goal)
            }
            Every(.seconds(1)) {
                try await connection.publish(Clock(time: Moment().timestamp), to: Self.clock)
            }
            .onFailure(.restart(Backoff()))
        }
    }

    /// A number as people write it.
    static func text(_ number: Double) -> String {
        number.formatted(decimals: number == number.rounded() ? 0 : 3)
    }

    private func count(down request: Countdown, to writer: ResponseWriter<Int>) async throws {
        guard (0...1_000_000).contains(request.from) else {
            throw MessagingError("out-of-range", "from is \(request.from); it is from 0 to 1000000")
        }
        try? output.writeLine(note: "demo.countdown", "from \(request.from)")
        for number in (0..<request.from).reversed() {
            try await writer.write(number + 1)
            try await Task.sleep(for: .milliseconds(min(max(request.period ?? 200, 0), 60_000)))
        }
    }

    private func count(_ goal: GoalContext<Count, Step>) async throws -> Reached {
        let target = goal.value.target
        guard (0...1_000_000).contains(target) else {
            throw MessagingError(.invalidArgument, "the target is \(target); it is from 0 to 1000000")
        }
        let period = Duration.milliseconds(min(max(goal.value.period ?? 200, 0), 60_000))
        try? output.writeLine(note: "demo.count", "to \(target)")
        var reached = 0
        do {
            while reached < target {
                try await Task.sleep(for: period)
                reached += 1
                try await goal.deliver(Step(current: reached))
            }
        } catch is CancellationError {
            // How far it had come is a result, too.
        }
        try? output.writeLine(note: "demo.count", goal.isCancelled ? "canceled at \(reached)" : "reached \(reached)")
        return Reached(count: reached)
    }
}

extension OutputWriter {
    /// Writes that something has happened here.
    func writeLine(note name: String, _ text: String) throws {
        if isForPeople { return try writeLine(name, text) }
        var object = JSONObject()
        object.add("name", string: name)
        object.add("note", string: text)
        object.add("time", string: Moment().timestamp)
        try write(object)
    }
}
