import Foundation

extension [Double] {
    /// The value in the middle, or the mean of the two that are; `nil` of none.
    var median: Double? {
        guard !isEmpty else { return nil }
        let values = sorted()
        let middle = values.count / 2
        return values.count.isMultiple(of: 2) ? (values[middle - 1] + values[middle]) / 2 : values[middle]
    }
}

extension Double {
    /// A whole number with a comma at each thousand.
    var grouped: String {
        guard isFinite else { return "\(self)" }
        let digits = String(format: "%.0f", abs(self))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return self < 0 && digits != "0" ? "-" + text : text
    }

    func decimals(_ count: Int) -> String { String(format: "%.\(count)f", self) }
}
