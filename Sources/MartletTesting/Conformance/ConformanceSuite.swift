/// What every connection must do, whatever its broker: the promises of the verbs and of the patterns on them.
///
/// ```swift
/// @Test(arguments: ConformanceSuite.checks)
/// func keepsItsPromises(_ check: ConformanceCheck) async throws {
///     let broker = MemoryBroker()
///     try await check.run { try await broker.connect(options: $0) }
/// }
/// ```
///
/// Checks of a guarantee that the broker does not give are skipped. Each has a time limit, so that a connection that
/// hangs fails instead. Each area has a file and a list of its own; a check declares the faults that its promise
/// survives, and is then run on links that have them (``FaultyConnection``); and what a bridge has to pass on for it, and
/// is then run from one broker to another (``ConformanceCheck/run(from:to:through:)``).
public enum ConformanceSuite {
    /// Every check.
    public static var checks: [ConformanceCheck] {
        verbs + patterns
    }

    /// The checks of the verbs, and of what becomes of them when a link or a connection ends.
    private static var verbs: [ConformanceCheck] {
        names + publishing + subscriptions + queues + replies + calls + streams + arguments + closing + lostLinks
    }

    /// The checks of what is built on the verbs.
    private static var patterns: [ConformanceCheck] {
        publishers + plainText + typedQueues + actions + goalEnds + events + nodes
    }

    /// The checks whose promises survive all faults of some kinds.
    public static func checks(tolerating faults: FaultKinds) -> [ConformanceCheck] {
        checks.filter { $0.tolerates.isSuperset(of: faults) }
    }
}
