import Martlet
import MartletConsole

/// Who uses the fleet: asks, follows, sends goals, changes its mind, and says in words what came of it.
struct FleetOperator: Sendable {
    let connection: any Connection
    let display: LiveDisplay
    let tally: FleetTally
    /// How much faster than usual time passes.
    let speed: Double

    func work() async throws {
        try await pause(1.5)
        let all = try await call(FleetContracts.list, NoPayload())
        guard let all, let series = all.first(where: { $0.hasPrefix("cpu.") }) ?? all.first else {
            return say("there is nothing to ask about: this machine tells nothing about itself")
        }
        say("asked what there is: \(all.count) series")
        try await ask(about: series, over: 1)
        try await ask(about: "weather", over: 1)
        try await follow(series)
        try await sampleAndChangeMind(series)
        try await pause(1)
        try await ask(about: series, over: 5)
    }

    // MARK: What it does

    private func ask(about series: String, over seconds: Double) async throws {
        let request = FleetContracts.WindowRequest(series: series, seconds: seconds / speed)
        guard let statistics = try await call(FleetContracts.statistics, request) else { return }
        say("asked about \(series): \(statistics)")
    }

    private func follow(_ series: String) async throws {
        var samples: [Sample] = []
        tally.count { $0.streams += 1 }
        for try await sample in try await connection.stream(FleetContracts.follow, .init(series: series, limit: 10)) {
            samples.append(sample)
            tally.count { $0.streamed += 1 }
        }
        say("followed \(series): \(WindowStatistics(samples))")
    }

    private func sampleAndChangeMind(_ series: String) async throws {
        let first = try await connection.send(goal(series, 4), to: FleetContracts.sample)
        say("sent a goal: sample \(series) for 4 s")
        try await endingGoal(first, named: "first goal") {
            try await show(first, named: "first goal", until: 0.4)
        }
        // The archive takes one goal at a time, and the newest: this one ends the first.
        let second = try await connection.send(goal(series, 2), to: FleetContracts.sample)
        try await endingGoal(second, named: "second goal") {
            try await report(first, named: "first goal")
            try await show(second, named: "second goal", until: .infinity)
            try await report(second, named: "second goal")
        }
    }

    private func goal(_ series: String, _ seconds: Double) -> FleetContracts.SamplingGoal {
        .init(series: series, seconds: seconds / speed)
    }

    private typealias Handle = GoalHandle<FleetContracts.SamplingFeedback, WindowStatistics>

    /// Shows a goal's progress as a bar until it has ended, or come far enough.
    private func show(_ goal: Handle, named name: String, until fraction: Double) async throws {
        defer { display.endProgress(name) }
        for try await feedback in goal.feedback {
            display.progress(name, feedback.fraction)
            if feedback.fraction >= fraction { return }
        }
    }

    /// Cancels a goal if the operator itself is cancelled while it follows it: nobody is left who wants the result.
    private func endingGoal(_ goal: Handle, named name: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch is CancellationError {
            // Awaited; a task of its own, because nothing can be sent from one that is cancelled.
            await Task {
                guard (try? await goal.cancel()) == true else { return }
                try? await report(goal, named: name, canceledAs: "canceled")
            }.value
            throw CancellationError()
        }
    }

    private func report(_ goal: Handle, named name: String, canceledAs reason: String = "preempted") async throws {
        let outcome = try await goal.outcome
        tally.count { $0.goals["\(outcome.status)", default: 0] += 1 }
        switch outcome {
        case .succeeded(let statistics): say("\(name) succeeded: \(statistics)")
        case .canceled(let statistics?, _): say("\(name) \(reason): \(statistics)")
        case .canceled(nil, let error), .aborted(let error): say("\(name) \(outcome.status): \(error.message)")
        }
    }

    // MARK: How it does it

    /// Calls, and counts how that went. What goes wrong at the other side is said, and no error here.
    private func call<Request, Response>(
        _ rpc: RPC<Request, Response>,
        _ request: Request
    ) async throws -> Response? {
        do {
            let response = try await connection.call(rpc, request, timeout: .seconds(2))
            tally.count { $0.callsAnswered += 1 }
            return response
        } catch let error as MessagingError {
            tally.count { $0.callsFailed[error.code.rawValue, default: 0] += 1 }
            say("\(rpc.name) answered: \(error.message)")
            return nil
        }
    }

    private func pause(_ seconds: Double) async throws {
        try await Task.sleep(for: .seconds(seconds / speed))
    }

    private func say(_ text: String) {
        display.note("operator: \(text)")
    }
}
