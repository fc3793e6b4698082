import Foundation

/// Puts values on an axis on which equal distances are equal factors.
struct LogScale {
    /// The values at the axis's ends.
    let low: Double
    let high: Double
    /// The axis's ends, in pixels.
    let start: Double
    let end: Double

    func position(_ value: Double) -> Double {
        guard high > low else { return (start + end) / 2 }
        return start + (end - start) * (log(value) - log(low)) / (log(high) - log(low))
    }

    /// The numbers of the kind 1, 2, 5, 10, 20 … around some values. Zero and less are left out.
    ///
    /// - Parameter limit: if there are more, only 1, 10, 100 … are taken.
    static func ticks(around values: [Double], limit: Int = 8) -> [Double] {
        let values = values.filter { $0 > 0 && $0.isFinite }
        guard let least = values.min(), let most = values.max() else { return [1, 10] }
        let all = ticks(from: least, to: most, steps: [1, 2, 5])
        return all.count <= limit ? all : ticks(from: least, to: most, steps: [1])
    }

    private static func ticks(from least: Double, to most: Double, steps: [Double]) -> [Double] {
        let first = Int(floor(log10(least)))
        let last = Int(ceil(log10(most)))
        let all = (first...last + 1).flatMap { power in steps.map { $0 * pow(10, Double(power)) } }
        // The last that is not above them all, to the first that is not below.
        let lowest = all.lastIndex { $0 <= least * 1.000_001 } ?? 0
        let highest = all.firstIndex { $0 >= most * 0.999_999 } ?? all.count - 1
        return Array(all[lowest...max(highest, lowest + 1)])
    }
}
