/// Whether a check can be run between two brokers that a bridge connects, and what the bridge has to pass on for it.
///
/// In a check's list it is written as an array of routes, or as ``not(_:)``.
public enum ConformanceCrossing: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// It can, through these routes.
    case through([ConformanceRoute])
    /// It is about one broker or one connection alone, for this reason.
    case not(String)

    /// It can, through these routes.
    public init(arrayLiteral routes: ConformanceRoute...) { self = .through(routes) }
}
