#if os(Linux)
import Glibc
import Martlet

extension Simulation {
    /// Runs scenarios as the command line says, for seed after seed, prints a line for each that fails, and ends the process.
    ///
    /// To be called first of all by a synchronous `main`. `--help` lists the options. A seed that has failed is run again in
    /// smaller worlds, with fewer faults, fewer nodes and less to do; the line ends with the command that repeats the
    /// smallest that fails in the same way. The exit code is 0 if no seed has failed, and 1 if one has.
    ///
    /// - Parameter scenarios: the scenarios, by their names.
    public static func main(@ScenarioBuilder _ scenarios: () -> [Scenario]) -> Never {
        do {
            let arguments = try SimulationArguments(CommandLine.arguments.dropFirst())
            let hasFailed = try SimulationCommand(arguments, scenarios()).run()
            exit(hasFailed ? 1 : 0)
        } catch {
            say("\((error as? MessagingError)?.message ?? "\(error)")\n", to: STDERR_FILENO)
            exit(2)
        }
    }
}

/// Writes text at once: whoever reads it through a pipe is not to wait.
private func say(_ text: String, to file: Int32 = STDOUT_FILENO) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let written = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard written > 0 else { return }
        bytes.removeFirst(written)
    }
}

/// Runs scenarios as a command line says.
struct SimulationCommand {
    private let arguments: SimulationArguments
    private let scenarios: [Scenario]
    private let program: String

    init(_ arguments: SimulationArguments, _ scenarios: [Scenario]) throws {
        self.arguments = arguments
        program = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "simulate"
        for name in arguments.scenarios where !scenarios.contains(where: { $0.name == name }) {
            let known = scenarios.filter { !$0.isHidden }.map(\.name).joined(separator: ", ")
            throw MessagingError(.invalidArgument, "there is no scenario \(name); there are: \(known)")
        }
        self.scenarios = scenarios.filter {
            arguments.scenarios.isEmpty ? !$0.isHidden : arguments.scenarios.contains($0.name)
        }
    }

    /// - Returns: whether a seed has failed.
    func run() throws -> Bool {
        if arguments.asksForHelp {
            say("\(SimulationArguments.usage)\n")
            return false
        }
        if arguments.isListed {
            for scenario in scenarios { say("\(scenario.name)\n") }
            return false
        }
        if let seed = arguments.seed, arguments.seeds == nil, arguments.seconds == nil { return try runAlone(seed) }
        return try runMany(from: arguments.seed ?? UInt64.random(in: 0..<1 << 48))
    }

    private func options(_ scenario: Scenario, _ seed: UInt64) -> WorldOptions {
        WorldOptions(
            seed: seed,
            nodes: arguments.nodes ?? scenario.nodes,
            rounds: arguments.rounds ?? scenario.rounds,
            without: arguments.without,
            calm: arguments.calm,
            plant: arguments.plant
        )
    }

    /// Runs one seed, and says all that there is to say of it.
    private func runAlone(_ seed: UInt64) throws -> Bool {
        var hasFailed = false
        for scenario in scenarios {
            var options = options(scenario, seed)
            options.keepsLog = arguments.isLogged
            let report = try Simulation(scenario.name, options, scenario.body).run()
            for line in report.log { say("\(line)\n") }
            let numbers =
                "\(report.jobs) jobs, \(report.duration), schedule \(report.schedule), events \(report.events)"
            say("\(scenario.name) seed \(seed): \(report.failure == nil ? "passed" : "FAILED"), \(numbers)\n")
            guard let failure = report.failure else { continue }
            hasFailed = true
            say("  \(failure.kind): \(failure)\n")
        }
        return hasFailed
    }

    /// Runs one seed after the other, each for all scenarios.
    private func runMany(from first: UInt64) throws -> Bool {
        say("first seed: \(first)\n")
        var progress = SimulationProgress()
        let start = ContinuousClock.now
        let end = start + .seconds(arguments.seconds ?? 10)
        var seed = first
        var failures = 0
        repeat {
            for scenario in scenarios where failures < arguments.failures {
                let options = options(scenario, seed)
                let report = try Simulation(scenario.name, options, scenario.body).run()
                progress.ran(report)
                guard report.failure != nil else { continue }
                failures += 1
                progress.clear()
                try printFailure(scenario, options, report)
            }
            seed &+= 1
        } while failures < arguments.failures
            && (arguments.seeds.map { seed &- first < UInt64($0) } ?? (ContinuousClock.now < end))
        progress.clear()
        say("\(progress.worlds) worlds of \(seed &- first) seeds: \(failures == 0 ? "none" : "\(failures)") failed\n")
        return failures > 0
    }

    private func printFailure(_ scenario: Scenario, _ options: WorldOptions, _ report: SimulationReport) throws {
        // Two runs show a difference; all else shows in one.
        let isDifference = report.failure?.kind == .difference
        let shrinker = Shrinker { options in
            let world = Simulation(scenario.name, options, scenario.body)
            return try isDifference ? world.run() : world.runOnce()
        }
        let (smallest, last) = try shrinker.shrink(options, report)
        let failure = last.failure ?? report.failure
        let text = failure.map { "\($0.kind): \($0)" } ?? ""
        say("\(scenario.name) FAILED, \(text); \(SimulationArguments.replay(program, scenario, smallest))\n")
    }
}

/// Shows on a terminal how far the seeds are.
private struct SimulationProgress {
    private(set) var worlds = 0
    private let isShown = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private var last = ContinuousClock.now

    mutating func ran(_ report: SimulationReport) {
        worlds += 1
        guard isShown, ContinuousClock.now - last > .milliseconds(500) else { return }
        last = ContinuousClock.now
        let seconds = max(1, (last - start).components.seconds)
        say("\r\u{1B}[K\(worlds) worlds, \(worlds / Int(seconds)) a second, seed \(report.seed)", to: STDERR_FILENO)
    }

    func clear() {
        if isShown { say("\r\u{1B}[K", to: STDERR_FILENO) }
    }
}
#endif
