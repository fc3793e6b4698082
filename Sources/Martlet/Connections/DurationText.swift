/// Times as people write them: `30s`, `500ms`, `2m`, `1.5h`, and `30` for seconds.
package enum DurationText {
    /// `nil` if it is none: also where it has more than ten digits before the point or nine after it.
    package static func duration(_ text: String) -> Duration? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit: Int64
        switch text[number.endIndex...] {
        case "ms": unit = 1
        case "s", "": unit = 1_000
        case "m": unit = 60_000
        case "h": unit = 3_600_000
        default: return nil
        }
        let pieces = number.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = pieces.first, (1...10).contains(whole.count), let count = Int64(whole) else { return nil }
        // At most 10^10 hours are 3.6 × 10^16 milliseconds, and a fraction of them is less: neither overflows.
        let duration = Duration.milliseconds(count * unit)
        guard pieces.count > 1 else { return duration }
        guard pieces.count == 2, (1...9).contains(pieces[1].count), let digits = Int64(pieces[1]) else { return nil }
        let billionths = digits * Int64(tenTo: 9 - pieces[1].count)
        return duration + .nanoseconds(billionths * unit / 1_000)
    }
}

extension Int64 {
    fileprivate init(tenTo exponent: Int) {
        self = (0..<exponent).reduce(1) { power, _ in power * 10 }
    }
}
