import IntegrationSupport

/// Measures workloads one after the other, each pair by pair: the other side, Martlet, the other side, Martlet.
struct Comparison: Sendable {
    let workloads: [Workload]
    let pairs: Int
    /// How long a run is to take.
    let time: Duration
    let bench: Bench
    let progress: Progress

    /// One outcome for each workload, in their order. What fails is among them.
    func run() async -> [Outcome] {
        let counter = await SystemCallCounter.find()
        if counter == nil { progress.note("Neither perf nor strace works here: no system calls are counted") }
        var outcomes: [Outcome] = []
        // Only the broker that is measured runs.
        for group in groups {
            var waiting = group[...]
            do {
                if group[0].broker != .none { progress.now("Starting \(group[0].broker)") }
                try await RunningBroker.with(group[0].broker) { broker in
                    while let workload = waiting.popFirst() {
                        let outcome = await measure(workload, broker, counter)
                        outcomes.append(outcome)
                        note(outcome, outcomes.count)
                        if outcome.failure != nil { try await broker.restart() }
                    }
                }
            } catch {
                // The broker did not start.
                for workload in waiting {
                    outcomes.append(Outcome(workload, failure: "\(error)"))
                    note(outcomes[outcomes.count - 1], outcomes.count)
                }
            }
        }
        progress.end()
        return outcomes
    }

    /// Neighbours on the same broker.
    private var groups: [[Workload]] {
        workloads.reduce(into: []) { groups, workload in
            if groups.last?.last?.broker == workload.broker {
                groups[groups.count - 1].append(workload)
            } else {
                groups.append([workload])
            }
        }
    }

    private func measure(
        _ workload: Workload,
        _ broker: RunningBroker,
        _ counter: SystemCallCounter?
    ) async -> Outcome {
        func entrant(_ contender: Contender) -> Entrant {
            Entrant(contender, workload.quantity, count: workload.count, port: broker.port, bench: bench)
        }
        var martlet = entrant(workload.martlet)
        var rival = workload.rival.map(entrant)
        var failure: String?
        do {
            progress.now("\(workload.name): trying")
            try await rival?.settle(on: time)
            try await martlet.settle(on: time)
            for pair in 1...pairs {
                progress.now("\(workload.name): pair \(pair) of \(pairs)")
                try await rival?.run()
                try await martlet.run()
            }
            if let counter {
                progress.now("\(workload.name): system calls")
                try await rival?.countCalls(counter)
                try await martlet.countCalls(counter)
            }
        } catch {
            failure = "\(error)"
        }
        return Outcome(workload, martlet: martlet.series, rival: rival?.series, failure: failure)
    }

    private func note(_ outcome: Outcome, _ number: Int) {
        progress.note("\(number)/\(workloads.count) \(outcome.workload.name): \(outcome.summary)")
        if let failure = outcome.failure { progress.note(failure) }
    }
}
