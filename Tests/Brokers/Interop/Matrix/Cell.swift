import Testing

/// One thing that a peer of one library does with a peer of the other.
struct Cell: Sendable, Hashable, CustomTestStringConvertible {
    /// What is done.
    enum Row: String, Sendable, CaseIterable {
        case publish = "publish, subscribe"
        case pattern = "pattern subscribe"
        case call = "RPC call"
        case error = "RPC error"
        case parallel = "20 parallel calls"
        case action = "action with feedback"
        case cancel = "action cancelled"
        case event = "event"
        case heartbeat = "heartbeat"
        case control = "remote stop, start"
    }

    /// Who begins: publishes, calls, sends the goal.
    enum Direction: String, Sendable, CaseIterable {
        case swiftToPython = "Swift → Python"
        case pythonToSwift = "Python → Swift"
    }

    let broker: Broker
    let row: Row
    let direction: Direction

    static let all = Row.allCases.flatMap { row in
        Direction.allCases.flatMap { direction in
            Broker.allCases.map { Cell(broker: $0, row: row, direction: direction) }
        }
    }

    var testDescription: String { "\(row.rawValue), \(direction.rawValue), \(broker.rawValue)" }
}
