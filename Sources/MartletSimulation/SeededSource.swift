#if os(Linux)
import Martlet
import MartletTesting
import Synchronization

/// Where the names, identifiers and jitter of one connection or broker come from: a generator for each, by the seed.
final class SeededSource: Sendable {
    private let seed: UInt64
    private let generators = Mutex<[RandomSource.Purpose: SplitMix64]>([:])

    init(seed: UInt64) {
        self.seed = seed
    }

    func next(for purpose: RandomSource.Purpose) -> UInt64 {
        generators.withLock { generators in
            generators[
                purpose,
                default: SplitMix64(seed: TraceHash.seed(seed, for: purpose.rawValue))
            ].next()
        }
    }

    static func source(_ seed: UInt64, for name: String) -> RandomSource {
        let source = SeededSource(seed: TraceHash.seed(seed, for: name))
        return RandomSource { source.next(for: $0) }
    }
}
#endif
