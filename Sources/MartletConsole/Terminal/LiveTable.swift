/// The latest value and the recent course of many series, one a line, by name.
///
/// This is only the table's content and its look. `LiveDisplay` puts it on a terminal.
package struct LiveTable: Sendable {
    /// The narrowest sparkline that is still worth its place.
    private static let narrowestHistory = 5

    /// The spaces between two columns.
    private static let gap = "  "

    private let historyLength: Int
    private let capacity: Int
    private var rows: [String: SeriesRow] = [:]
    private var order: [String] = []

    /// Values that came for a new series when the table was full, and that are shown nowhere.
    package private(set) var ignoredValues = 0

    /// Makes an empty table.
    ///
    /// - Parameters:
    ///   - historyLength: How many values each series remembers for its sparkline.
    ///   - capacity: The most series that are kept. Names come from outside: without a limit, so would the memory they take.
    package init(historyLength: Int = 40, capacity: Int = 256) {
        self.historyLength = historyLength
        self.capacity = capacity
    }

    /// Takes in a value, and gives a series that is new a line of its own.
    ///
    /// - Returns: The series's row, or `nil` if the table is full. Two names that differ only in what can't be shown are one.
    @discardableResult
    package mutating func update(_ series: String, to value: Double, unit: SeriesUnit) -> SeriesRow? {
        let name = series.printable()
        guard rows[name] != nil || rows.count < capacity else {
            ignoredValues += 1
            return nil
        }
        if rows[name] == nil {
            order.insert(name, at: order.firstIndex { name.precedesNaturally($0) } ?? order.endIndex)
        }
        var row = rows[name] ?? SeriesRow(name: name, historyLength: historyLength)
        row.update(value, unit: unit)
        rows[name] = row
        return row
    }

    /// The table as it looks in a given space, sorted by name.
    ///
    /// - Parameters:
    ///   - width: The columns there are. No line takes more.
    ///   - height: The lines there are. If the series need more, the last one says how many are missing.
    ///   - usesColor: Whether the sparklines are set apart by a colour.
    package func lines(width: Int, height: Int = .max, usesColor: Bool = false) -> [String] {
        guard width > 0, height > 0 else { return [] }
        let isCut = order.count > height
        let shown = order.prefix(isCut ? height - 1 : height).compactMap { rows[$0] }
        let columns = Columns(rows: shown, width: width, historyLength: historyLength)
        var lines = shown.map { columns.line(of: $0, usesColor: usesColor) }
        if isCut {
            lines.append("… \(order.count - shown.count) more".truncated(to: width))
        }
        return lines
    }

    /// How a width is shared out: the value is always whole where it can be, then the name gets up to half, and the
    /// sparkline what is left, if that is worth drawing.
    private struct Columns {
        let total: Int
        var name: Int
        var value: Int
        var history: Int

        init(rows: [SeriesRow], width: Int, historyLength: Int) {
            let longestName = rows.map(\.name.columns).max() ?? 0
            total = width
            value = rows.map(\.value.columns).max() ?? 0
            let rest = width - value - 2 * gap.count
            name = min(longestName, max(width / 2, rest - historyLength))
            history = min(historyLength, rest - name)
            if history < narrowestHistory {
                history = 0
                name = min(longestName, width - value - gap.count)
            }
        }

        func line(of row: SeriesRow, usesColor: Bool) -> String {
            guard name > 0 || row.name.isEmpty else { return row.plainLine.truncated(to: total) }
            let text = row.name.leading(in: name) + gap + row.value.trailing(in: value)
            guard history > 0 else { return text.truncated(to: total) }
            let bars = row.history.text(columns: history)
            return text + gap + (usesColor ? ControlSequence.accented(bars) : bars)
        }
    }
}
