#if os(Linux)
/// What came of the world of one seed.
public struct SimulationReport: Sendable, Hashable {
    /// The seed.
    public let seed: UInt64
    /// What went wrong first; `nil`: nothing.
    public internal(set) var failure: SimulationFailure?
    /// How many jobs ran.
    public let jobs: Int
    /// How much time passed in the world.
    public let duration: Duration
    /// A sum over the order in which jobs ran.
    public let schedule: UInt64
    /// A sum over what the world has logged.
    public let events: UInt64
    /// The names of the links that had faults.
    let faultyLinks: [String]
    /// What the world has logged, if that was kept.
    let log: [String]
}

/// Why the world of a seed has failed.
public struct SimulationFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kinds of failures there are.
    public enum Kind: String, Sendable, Hashable {
        /// The body threw, or something that the world requires does not hold.
        case violation
        /// Nothing can ever happen again, and the body has not returned.
        case deadlock
        /// More jobs ran than the limit allows.
        case jobLimit
        /// Something ran or slept outside the world, so that the seed does not say what happens.
        case outside
        /// The same seed gave another run.
        case difference
    }

    /// What kind it is.
    public let kind: Kind
    /// What happened.
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Whether another run has failed for the same reason: its text may name other numbers.
    func isLike(_ other: SimulationFailure) -> Bool {
        func bare(_ text: String) -> String { text.filter { !$0.isNumber } }
        guard kind == other.kind else { return false }
        // What waits in a deadlock may be less after something was left out.
        return kind != .violation || bare(description) == bare(other.description)
    }
}
#endif
