/// How long the runs of a timed loop took.
public struct TimingStatistics: Sendable, Hashable {
    /// How often the body has run.
    public private(set) var runs = 0
    /// How many ticks were skipped because the run before was still going on.
    public private(set) var skipped = 0
    /// How long the last run took; `nil` before the first.
    public private(set) var last: Duration?
    /// How long the shortest run took.
    public private(set) var minimum: Duration?
    /// How long the longest run took.
    public private(set) var maximum: Duration?
    private var total = Duration.zero

    /// Of no run.
    public init() {}

    /// How long a run takes on average; `nil` before the first.
    public var mean: Duration? { runs == 0 ? nil : total / runs }

    mutating func record(_ run: Duration) {
        runs += 1
        last = run
        minimum = minimum.map { min($0, run) } ?? run
        maximum = maximum.map { max($0, run) } ?? run
        total += run
    }

    mutating func skip(_ ticks: Int) {
        skipped += ticks
    }
}

extension TimingStatistics: CustomStringConvertible {
    /// All figures on one line.
    public var description: String {
        guard let last, let minimum, let maximum, let mean else { return "no runs" }
        return "\(runs) runs, \(skipped) skipped, last \(last), min \(minimum), mean \(mean), max \(maximum)"
    }
}
