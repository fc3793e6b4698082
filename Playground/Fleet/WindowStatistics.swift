import MartletConsole

/// What can be said of the samples in a window of time.
struct WindowStatistics: Codable, Equatable, Sendable {
    var count: Int
    var minimum: Double
    var mean: Double
    var maximum: Double
    var unit: SeriesUnit

    /// Of no samples, all figures are zero.
    init(_ samples: some Collection<Sample>) {
        let values = samples.map(\.value)
        count = values.count
        minimum = values.min() ?? 0
        maximum = values.max() ?? 0
        mean = values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        unit = samples.first?.unit ?? .number
    }
}

extension WindowStatistics: CustomStringConvertible {
    /// On one line: `10 samples, 2.0 % to 9.1 %, mean 4.4 %`.
    var description: String {
        guard count > 0 else { return "no samples" }
        return "\(count) samples, \(unit.text(minimum)) to \(unit.text(maximum)), mean \(unit.text(mean))"
    }
}
