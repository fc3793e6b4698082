import MartletConsole

/// How figures are written in the bench's tables.
enum Figures {
    /// A whole number with a comma at each thousand.
    static func grouped(_ value: Double) -> String {
        var digits = String(Int(value.rounded()))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }

    /// A row of a table: what it is about, then its columns.
    static func row(_ name: String, _ columns: String...) -> String {
        ([name.leading(in: 28)] + columns.map { $0.trailing(in: 14) }).joined(separator: "  ")
    }
}
