import Testing

/// One thing that two peers of commlib-py, each at a broker of its own, do with each other through a bridge.
struct Crossing: Sendable, Hashable, CustomTestStringConvertible {
    /// What is done.
    enum Column: String, Sendable, CaseIterable {
        case call = "RPC call"
        case error = "RPC error"
        case missing = "no service"
        case slow = "slow service"
        case action = "action with feedback"
        case cancel = "action cancelled"
        case publish = "publish, subscribe"
        case event = "event"
    }

    let pair: Pairing
    let column: Column

    static let all = Column.allCases.flatMap { column in Pairing.all.map { Crossing(pair: $0, column: column) } }

    var testDescription: String { "\(column.rawValue), \(pair.testDescription)" }
}
