import Foundation
import MartletTesting
import Testing

/// What a world found to be wrong.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Something that is made of a seed and lives by itself until it comes to rest.
protocol World {
    /// - Parameter isTraced: whether it notes what happens.
    init(seed: UInt64, isTraced: Bool)

    /// What has happened.
    var trace: Trace { get }

    /// Lives to the end.
    mutating func run() throws
}

extension World {
    func note(_ text: @autoclosure () -> String) {
        if trace.isOn { trace.lines.append(text()) }
    }
}

/// What happens in a world, if anybody wants to read it.
final class Trace {
    let isOn: Bool
    var lines: [String] = []

    init(isOn: Bool) {
        self.isOn = isOn
    }
}

/// Runs a world for many seeds.
///
/// `MARTLET_SEEDS` says how many; `MARTLET_SEED` with which to begin, which is any otherwise. Both together replay one seed:
///
///     MARTLET_SEEDS=1 MARTLET_SEED=81274 swift test --filter MartletOracleTests.SessionWorldTests
enum Seeds {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["MARTLET_SEEDS"].flatMap(Int.init)
    private static let first = environment["MARTLET_SEED"].flatMap(UInt64.init)

    /// - Parameters:
    ///   - world: how it is called.
    ///   - count: how many seeds there are unless the environment says otherwise.
    static func run<W: World>(_ world: W.Type, count: Int) {
        let first = Self.first ?? UInt64.random(in: 0..<1_000_000_000)
        let count = Self.count ?? count
        let begun = ProcessorTime.now
        for seed in first..<(first + UInt64(count)) {
            guard let failure = failure(of: world, seed) else { continue }
            Issue.record("\(failure)")
            return
        }
        let seconds = max(ProcessorTime.now - begun, 0.000_001)
        print("\(W.self): seeds \(first) to \(first + UInt64(count) - 1), \(Int(Double(count) / seconds)) in a second")
    }

    /// Runs seeds that a world has failed with before.
    static func rerun<W: World>(_ world: W.Type, _ seeds: [UInt64]) {
        for seed in seeds { if let failure = failure(of: world, seed) { Issue.record("\(failure)") } }
    }

    /// What is wrong with a seed, and what led to it.
    private static func failure<W: World>(of world: W.Type, _ seed: UInt64) -> String? {
        guard let violation = violation(of: world, seed).violation else { return nil }
        let again = self.violation(of: world, seed, isTraced: true)
        let lines = again.trace.suffix(environment["MARTLET_TRACE"].flatMap(Int.init) ?? 40).joined(separator: "\n  ")
        return """
            \(W.self), seed \(seed): \(violation)
            Again, with its last steps: \(again.violation ?? "it did not fail")
              \(lines)
            Replay: MARTLET_SEEDS=1 MARTLET_SEED=\(seed) swift test --filter \(W.self)Tests
            """
    }

    private static func violation<W: World>(
        of _: W.Type,
        _ seed: UInt64,
        isTraced: Bool = false
    ) -> (violation: String?, trace: [String]) {
        var world = W(seed: seed, isTraced: isTraced)
        do {
            try world.run()
            return (nil, world.trace.lines)
        } catch {
            return ("\(error)", world.trace.lines)
        }
    }
}

/// The processor time of this thread: others may be at work.
private enum ProcessorTime {
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
