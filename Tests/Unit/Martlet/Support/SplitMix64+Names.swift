import MartletTesting

extension SplitMix64 {
    /// A name of one to four segments.
    mutating func name(of segments: [String], last: [String]) -> String {
        var name: [String] = []
        for _ in 0..<Int.random(in: 0...3, using: &self) { name.append(segments.randomElement(using: &self) ?? "a") }
        name.append(last.randomElement(using: &self) ?? "a")
        return name.joined(separator: ".")
    }
}
