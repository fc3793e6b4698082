#if os(Linux)
import MartletTesting

/// Picks the next of the jobs that are ready, as a seed says, and sums up all that it has picked. A pure value.
struct JobOrder {
    private var generator: SplitMix64
    /// What tells one order from another.
    private(set) var hash = TraceHash()
    /// How many jobs it has picked.
    private(set) var picked = 0

    init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
    }

    mutating func pick(of count: Int) -> Int {
        picked += 1
        let index = count > 1 ? Int.random(in: 0..<count, using: &generator) : 0
        hash.mix(UInt64(count) << 32 | UInt64(index))
        return index
    }
}

/// A sum of numbers and text in their order: FNV-1a, a number as one step.
struct TraceHash: Hashable, Sendable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func mix(_ number: UInt64) {
        value = (value ^ number) &* 0x0000_0100_0000_01B3
    }

    mutating func mix(_ text: String) {
        for byte in text.utf8 { mix(UInt64(byte)) }
    }

    /// A seed for what a name stands for in the world of another seed.
    static func seed(_ seed: UInt64, for name: String) -> UInt64 {
        var hash = TraceHash()
        hash.mix(seed)
        hash.mix(name)
        var mixer = SplitMix64(seed: hash.value)
        return mixer.next()
    }
}
#endif
