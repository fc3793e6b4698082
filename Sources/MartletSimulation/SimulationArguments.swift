#if os(Linux)
import Martlet
import MartletTesting

/// What a simulation is told on its command line. A pure value.
struct SimulationArguments: Hashable {
    var scenarios: [String] = []
    var seed: UInt64?
    var seeds: Int?
    var seconds: Double?
    var failures = 10
    var nodes: Int?
    var rounds: Int?
    var without: FaultKinds = []
    var calm: Set<String> = []
    var plant: String?
    var isLogged = false
    var isListed = false
    var asksForHelp = false

    static let usage = """
        Runs scenarios for many seeds, and says which have failed.

          SCENARIO…            only these; by default all
          --list               prints their names
          --seed N             begins with this seed; without --seeds and --seconds it is the only one
          --seeds N            runs so many seeds of each scenario
          --seconds S          runs seeds for so long; by default ten seconds
          --failures N         ends after so many failures; by default ten
          --nodes N            how many nodes there are
          --rounds N           how much is to be done
          --without KIND,…     leaves out kinds of faults: delay, duplicate, reorder, drop, cut, half-open,
                               bandwidth, or all
          --calm LINK,…        leaves out the faults of these links
          --log                prints what happens; for one seed
          --help               prints this

        The exit code is 0 if no seed has failed, 1 if one has, 2 if the command line is wrong.
        """

    init() {}

    /// - Throws: `MessagingError.Code.invalidArgument`.
    init(_ arguments: some Sequence<String>) throws {
        var arguments = Array(arguments)[...]
        while let argument = arguments.popFirst() {
            func value<Value>(_ read: (String) -> Value?) throws -> Value {
                guard let text = arguments.popFirst(), let value = read(text) else {
                    throw MessagingError(.invalidArgument, "\(argument) takes another value; see --help")
                }
                return value
            }
            switch argument {
            case "--seed": seed = try value { UInt64($0) }
            case "--seeds": seeds = try value(Self.positive)
            case "--seconds": seconds = try value { Double($0).flatMap { $0 > 0 ? $0 : nil } }
            case "--failures": failures = try value(Self.positive)
            case "--nodes": nodes = try value(Self.positive)
            case "--rounds": rounds = try value(Self.positive)
            case "--without": without.formUnion(try value(Self.kinds))
            case "--calm": calm.formUnion(try value { $0.split(separator: ",").map(String.init) })
            case "--plant": plant = try value { $0 }
            case "--log": isLogged = true
            case "--list": isListed = true
            case "--help", "-h": asksForHelp = true
            case _ where argument.hasPrefix("-"):
                throw MessagingError(.invalidArgument, "there is no option \(argument); see --help")
            default: scenarios.append(argument)
            }
        }
    }

    private static func positive(_ text: String) -> Int? { Int(text).flatMap { $0 > 0 ? $0 : nil } }

    private static func kinds(_ text: String) -> FaultKinds? {
        var kinds: FaultKinds = []
        for name in text.split(separator: ",") {
            guard let kind = name == "all" ? .all : FaultKinds(name: String(name)) else { return nil }
            kinds.formUnion(kind)
        }
        return kinds
    }

    /// What runs the world of some options of a scenario again.
    static func replay(_ program: String, _ scenario: Scenario, _ options: WorldOptions) -> String {
        var words = [program, scenario.name, "--seed", "\(options.seed)"]
        if options.nodes != scenario.nodes { words += ["--nodes", "\(options.nodes)"] }
        if options.rounds != scenario.rounds { words += ["--rounds", "\(options.rounds)"] }
        if options.without == .all {
            words += ["--without", "all"]
        } else if !options.without.isEmpty {
            words += ["--without", options.without.each.map(\.description).joined(separator: ",")]
        }
        if !options.calm.isEmpty { words += ["--calm", options.calm.sorted().joined(separator: ",")] }
        if let plant = options.plant { words += ["--plant", plant] }
        return words.joined(separator: " ")
    }
}
#endif
