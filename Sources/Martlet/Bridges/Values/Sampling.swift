/// Which messages of a topic a route takes; the others are dropped, and counted.
public enum Sampling: Sendable, Hashable {
    /// All of them.
    case all
    /// The first one and each so-many-th after it.
    case every(Int)
    /// The first one and each that comes when the time since the last one taken is over.
    case interval(Duration)
}
