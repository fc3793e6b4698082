import ArgumentParser
import Foundation

/// Measures, and prints one table.
struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures pair by pair, and prints one table.",
        discussion: """
            Starts the brokers itself. Standard output has the table alone; standard error says how far it is. The exit
            code is 1 if a workload could not be measured; a target that is missed is a figure, not a failure.
            """
    )

    @Option(help: "Measure only workloads whose names match this regular expression.")
    var only: String?

    @Option(help: "How many times both are measured; 5 unless told, 3 with --quick.")
    var pairs: Int?

    @Flag(help: "Take a fifth of the messages, for a fifth of a second.")
    var quick = false

    @Flag(help: "Print JSON: one object for each workload, with each figure of each run.")
    var json = false

    @Flag(help: "Print the names of the workloads, and measure nothing.")
    var list = false

    func validate() throws {
        if let pairs, pairs < 1 { throw ValidationError("--pairs takes a number from 1") }
        _ = try workloads
    }

    func run() async throws {
        let workloads = try workloads
        guard !list else {
            for workload in workloads { print(workload.name) }
            return
        }
        let comparison = Comparison(
            workloads: workloads,
            pairs: pairs ?? (quick ? 3 : 5),
            time: .milliseconds(quick ? 200 : 1_000),
            bench: Bench(),
            progress: Progress()
        )
        let outcomes = await comparison.run()
        print(json ? try Outcome.json(outcomes) : Outcome.table(outcomes).text)
        if outcomes.contains(where: { $0.failure != nil }) { throw ExitCode.failure }
    }

    private var workloads: [Workload] {
        get throws {
            guard let only else { return Workload.all }
            let pattern = try Self.pattern(only)
            let matching = Workload.all.filter { $0.name.contains(pattern) }
            guard !matching.isEmpty else { throw ValidationError("No workload's name matches '\(only)'; see --list") }
            return matching
        }
    }

    /// What `--only` takes.
    static func pattern(_ text: String) throws -> Regex<AnyRegexOutput> {
        guard let pattern = try? Regex(text) else {
            throw ValidationError("--only takes a regular expression, which '\(text)' is not")
        }
        return pattern.ignoresCase()
    }
}
