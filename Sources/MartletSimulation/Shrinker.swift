#if os(Linux)
import MartletTesting

/// Looks for the smallest world that fails as another did: without kinds of faults, without faults of links, with fewer
/// nodes, with less to do.
struct Shrinker {
    /// Tells what came of the world of some options.
    let run: (WorldOptions) throws -> SimulationReport
    /// How many worlds may be run.
    var limit = 200

    /// - Returns: the smallest world that was found, and what came of it.
    func shrink(_ options: WorldOptions, _ report: SimulationReport) throws -> (WorldOptions, SimulationReport) {
        guard let failure = report.failure else { return (options, report) }
        var (smallest, last) = (options, report)
        var left = limit
        search: while true {
            for candidate in Self.smaller(than: smallest, links: last.faultyLinks) {
                guard left > 0 else { break search }
                left -= 1
                let report = try run(candidate)
                if let other = report.failure, other.isLike(failure) {
                    (smallest, last) = (candidate, report)
                    continue search
                }
            }
            break
        }
        return (smallest, last)
    }

    /// Worlds that are a step smaller, those from which most is gone first.
    ///
    /// - Parameter links: the links that have faults.
    static func smaller(than options: WorldOptions, links: [String]) -> [WorldOptions] {
        var candidates: [WorldOptions] = []
        func add(_ change: (inout WorldOptions) -> Void) {
            var candidate = options
            change(&candidate)
            if candidate != options { candidates.append(candidate) }
        }
        if !links.isEmpty {
            add { $0.without = .all }
            for kind in FaultKinds.all.each { add { $0.without.insert(kind) } }
        }
        for nodes in [1, options.nodes / 2, options.nodes - 1] where nodes >= 1 { add { $0.nodes = nodes } }
        for rounds in [1, options.rounds / 2, options.rounds - 1] where rounds >= 1 { add { $0.rounds = rounds } }
        if links.count > 1 {
            for link in links { add { $0.calm.insert(link) } }
        }
        return candidates
    }
}
#endif
