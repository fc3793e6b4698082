import Synchronization

/// What came of each cell. When the last one is known, it prints them all: one line a row.
enum MatrixReport {
    private static let outcomes = Mutex<[Cell: String]>([:])

    static func record(_ outcome: String, for cell: Cell) {
        let table = outcomes.withLock { outcomes in
            outcomes[cell] = outcome
            return outcomes.count == Cell.all.count ? text(of: outcomes) : nil
        }
        if let table { print(table) }
    }

    private static func text(of outcomes: [Cell: String]) -> String {
        var lines = [line("", Broker.allCases.map(\.rawValue))]
        for row in Cell.Row.allCases {
            for direction in Cell.Direction.allCases {
                let cells = Broker.allCases.map { Cell(broker: $0, row: row, direction: direction) }
                lines.append(line("\(row.rawValue), \(direction.rawValue)", cells.map { outcomes[$0] ?? "" }))
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func line(_ title: String, _ cells: [String]) -> String {
        padded(title, 38) + cells.map { "| " + padded($0, 22) }.joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
