#if os(Linux)
import MartletTesting

/// What a run of a world follows from.
struct WorldOptions: Sendable, Hashable {
    var seed: UInt64
    var nodes: Int
    var rounds: Int
    /// Kinds of faults that no link has.
    var without: FaultKinds = []
    /// Links that have no faults.
    var calm: Set<String> = []
    /// How many jobs may run.
    var jobLimit = 200_000
    /// A bug that a scenario of the project's own puts in, to show that it would be found.
    var plant: String?
    /// Whether what is logged is kept.
    var keepsLog = false
}
#endif
