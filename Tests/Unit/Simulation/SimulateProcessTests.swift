#if os(Linux)
import IntegrationSupport
import Testing

/// Worlds run in processes of their own, which these tests start.
@Suite(.timeLimit(.minutes(15))) struct SimulateProcessTests {
    static let scenarios = [
        "calls", "goals", "lost-clients", "streams", "broken-streams", "queues", "topics", "order", "bridge",
    ]

    /// What the program prints, and its exit code.
    private static func simulate(
        _ arguments: String,
        by program: String = "martlet-simulate",
        environment: [String: String] = [:]
    ) async throws -> (lines: [String], code: Int32?) {
        let words = arguments.split(separator: " ").map(String.init)
        let run = try ProgramRun(ofPackage: program, words, environment: environment)
        let end = try await run.waitForEnd(limit: .seconds(300))
        let lines = run.lines + run.errors.split(separator: "\n").map(String.init)
        guard case .exited(let code) = end else { return (lines, nil) }
        return (lines, code)
    }

    // MARK: A seed is replayed

    @Test(arguments: scenarios)
    func aSeedIsTheSameInEveryProcess(_ scenario: String) async throws {
        for seed in [1, 7] {
            let first = try await Self.simulate("\(scenario) --seed \(seed)")
            let second = try await Self.simulate("\(scenario) --seed \(seed)")
            let hashed = try await Self.simulate(
                "\(scenario) --seed \(seed)",
                environment: ["SWIFT_DETERMINISTIC_HASHING": "1"]
            )
            #expect(first.code == 0, "\(first.lines)")
            #expect(first.lines == second.lines)
            #expect(first.lines == hashed.lines)
        }
    }

    @Test(arguments: scenarios)
    func seedsDiffer(_ scenario: String) async throws {
        let runs = [try await Self.simulate("\(scenario) --seed 1"), try await Self.simulate("\(scenario) --seed 2")]
        func schedule(_ lines: [String]) -> Substring? { lines.last?.split(separator: "schedule ").last }
        #expect(schedule(runs[0].lines) != schedule(runs[1].lines))
    }

    /// New seeds have none; these have had one.
    @Test(arguments: scenarios)
    func aFewSeedsHaveNoFailure(_ scenario: String) async throws {
        let run = try await Self.simulate("\(scenario) --seed 1 --seeds 20")
        #expect(run.code == 0, "\(run.lines.joined(separator: "\n"))")
    }

    // MARK: Bugs are found

    @Test(arguments: [
        ("calls", "reply-by-order"), ("goals", "early-cancel-lost"), ("goals", "goal-twice"),
        ("streams", "credit-forgotten"), ("queues", "early-acknowledgement"), ("queues", "redelivery-dropped"),
        ("topics", "forgotten-subscription"), ("topics", "timer-outlives-link"), ("topics", "offline-for-good"),
        ("bridge", "early-confirmation"),
    ])
    func aBugThatIsPutInIsFound(_ scenario: String, _ bug: String) async throws {
        let run = try await Self.simulate("\(scenario) --plant \(bug) --seed 1 --seeds 100 --failures 1")
        #expect(run.code == 1)
        let line = try #require(run.lines.first { $0.hasPrefix("\(scenario) FAILED, violation: ") })
        let command = try #require(line.split(separator: "; martlet-simulate ").last)
        let replay = try await Self.simulate(String(command))
        #expect(replay.code == 1, "\(command) has not failed again: \(replay.lines)")
    }

    @Test func theExampleFindsItsBug() async throws {
        let run = try await Self.simulate("--seed 1 --seeds 20 --failures 1", by: "playground-simulation")
        #expect(run.lines.contains { $0.hasPrefix("workshop FAILED, violation: every order is done") }, "\(run.lines)")
    }

    // MARK: What a simulation must not let pass

    @Test(arguments: [
        ("deadlock", "deadlock: nothing can ever happen again: "),
        ("livelock", "jobLimit: more than "),
        ("real-sleep", "outside: a task slept in real time"),
        ("thread", "outside: a task was woken by a thread"),
        ("difference", "difference: the second run of the seed has logged other events"),
        ("thrown", "violation: the body threw: "),
    ])
    func isTold(_ plant: String, _ text: String) async throws {
        let run = try await Self.simulate("check --plant \(plant) --seed 1")
        #expect(run.code == 1)
        #expect(run.lines.contains { $0.contains(text) }, "\(run.lines)")
    }

    @Test func aFailureIsShrunk() async throws {
        let run = try await Self.simulate("check --plant delays-of-three-nodes --seed 1 --seeds 20 --failures 1")
        let line = try #require(run.lines.first { $0.hasPrefix("check FAILED") })
        #expect(line.contains("with 3 nodes"))
        #expect(line.contains("--nodes 3 --rounds 2 --without duplicate,reorder,drop,"), "\(line)")
    }

    // MARK: The command line

    @Test func saysWhatThereIs() async throws {
        #expect(try await Self.simulate("--list").lines == Self.scenarios)
        let run = try await Self.simulate("nowhere")
        #expect(run.code == 2)
        #expect(run.lines == ["there is no scenario nowhere; there are: \(Self.scenarios.joined(separator: ", "))"])
    }

    @Test func printsTheFirstSeed() async throws {
        let run = try await Self.simulate("goals --seeds 2")
        #expect(run.lines.first?.hasPrefix("first seed: ") == true)
        #expect(run.lines.last?.hasSuffix("of 2 seeds: none failed") == true)
    }
}
#endif
