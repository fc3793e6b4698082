/// What grows, and what is looked at meanwhile.
struct Growth: Sendable {
    enum Axis: Sendable {
        case size, subscriptions, callers, connections
    }

    /// The file's name, without its ending.
    let name: String
    let title: String
    let broker: BrokerKind
    let axis: Axis
    let values: [Int]
    /// What each line is called, in the plot's order.
    let lines: [String]
    /// For each value of the axis, one for each line.
    let contenders: @Sendable (Int) -> [Contender]
}

extension Growth.Axis {
    var label: String {
        switch self {
        case .size: "size of a message"
        case .subscriptions: "subscriptions of one connection"
        case .callers: "callers at a time"
        case .connections: "connections of one process, with a thread each or a shared one"
        }
    }

    /// What a run's figures become.
    var yLabel: String {
        switch self {
        case .size, .subscriptions: "microseconds per message"
        case .callers: "calls per second"
        case .connections: "messages per second"
        }
    }

    func y(_ figures: Figures) -> Double? {
        switch self {
        case .size, .subscriptions: figures.rate.map { 1e6 / $0 }
        case .callers, .connections: figures.rate
        }
    }
}
