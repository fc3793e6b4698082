import Synchronization

/// What came of each cell of a table of tests. When the last one is known, it prints them all: one line a row.
final class OutcomeTable: Sendable {
    private let rows: [String]
    private let columns: [String]
    private let outcomes = Mutex<[[String]: String]>([:])

    init(rows: [String], columns: [String]) {
        self.rows = rows
        self.columns = columns
    }

    func record(_ outcome: String, row: String, column: String) {
        let table = outcomes.withLock { outcomes in
            outcomes[[row, column]] = outcome
            return outcomes.count == rows.count * columns.count ? text(of: outcomes) : nil
        }
        if let table { print(table) }
    }

    private func text(of outcomes: [[String]: String]) -> String {
        let lines = rows.map { row in line(row, columns.map { outcomes[[row, $0]] ?? "" }) }
        return ([line("", columns)] + lines).joined(separator: "\n")
    }

    private func line(_ title: String, _ cells: [String]) -> String {
        Self.padded(title, 38) + cells.map { "| " + Self.padded($0, 22) }.joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
