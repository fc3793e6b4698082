/// Random numbers that are the same for the same seed (SplitMix64, Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A name of one to four segments.
    mutating func name(of segments: [String], last: [String]) -> String {
        var name: [String] = []
        for _ in 0..<Int.random(in: 0...3, using: &self) { name.append(segments.randomElement(using: &self) ?? "a") }
        name.append(last.randomElement(using: &self) ?? "a")
        return name.joined(separator: ".")
    }
}
