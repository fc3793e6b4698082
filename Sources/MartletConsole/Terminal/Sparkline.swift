/// The recent course of a series as a row of bars, such as `▁▂▅█▃`.
///
/// The bars stand between the lowest and the highest value that is remembered, so that a small change in a large number can
/// be seen. A series that never changes is drawn at half height, or flat on the ground if it is zero.
package struct Sparkline: Sendable {
    private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// How many values are remembered, and so how many columns the bars take at most.
    package let width: Int

    private var ring: [Double] = []
    private var oldest = 0

    /// Makes a sparkline that remembers `width` values, and at least one.
    package init(width: Int) {
        self.width = max(1, width)
    }

    /// The values that are remembered, the oldest first.
    package var values: [Double] {
        Array(ring[oldest...] + ring[..<oldest])
    }

    /// Adds a value, in place of the oldest if there is no room. What is not a finite number has no height, and is skipped.
    package mutating func append(_ value: Double) {
        guard value.isFinite else { return }
        if ring.count < width {
            ring.append(value)
        } else {
            ring[oldest] = value
            oldest = (oldest + 1) % width
        }
    }

    /// The bars of the latest values, on the right of exactly `columns` columns.
    package func text(columns: Int) -> String {
        guard let lowest = ring.min(), let highest = ring.max() else { return "".trailing(in: columns) }
        let bars = values.suffix(max(0, columns)).map { Self.bar(for: $0, between: lowest, and: highest) }
        return String(bars).trailing(in: columns)
    }

    /// The bars, in all of the sparkline's width.
    package func text() -> String { text(columns: width) }

    private static func bar(for value: Double, between lowest: Double, and highest: Double) -> Character {
        // Halved, because the distance between two finite numbers may be infinite.
        let range = highest / 2 - lowest / 2
        guard range > 0 else { return bars[value == 0 ? 0 : 3] }
        let height = (value / 2 - lowest / 2) / range
        return bars[min(7, Int(height * 8))]
    }
}
