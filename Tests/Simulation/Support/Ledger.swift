#if os(Linux)
import Synchronization

/// How often each of some numbers was entered under a heading.
final class Ledger: Sendable {
    private let entries = Mutex<[String: [Int: Int]]>([:])

    func enter(_ number: Int, under heading: String) {
        entries.withLock { $0[heading, default: [:]][number, default: 0] += 1 }
    }

    func count(of number: Int, under heading: String) -> Int {
        entries.withLock { $0[heading]?[number] ?? 0 }
    }

    /// The numbers under a heading, in order.
    func numbers(under heading: String) -> [Int] {
        entries.withLock { $0[heading, default: [:]].keys.sorted() }
    }

    /// How many entries there are under a heading.
    func total(under heading: String) -> Int {
        entries.withLock { $0[heading, default: [:]].values.reduce(0, +) }
    }
}
#endif
