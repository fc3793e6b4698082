import Martlet

/// The filters that each server is to keep no longer, until it has been told. A pure value.
///
/// With several servers each keeps a session of its own, and may know a filter from a time before the other one was used. So
/// all are told, each on the next link to it.
struct Departures {
    /// Beyond that the oldest are forgotten.
    static let limit = 10_000

    private struct Debt {
        let order: Int
        var servers: Set<Int>
    }

    private let servers: Int
    private var debts: [ByteKey: Debt] = [:]
    private var lastOrder = 0

    /// - Parameter servers: how many servers keep a session.
    init(servers: Int) {
        self.servers = servers
    }

    var count: Int { debts.count }

    /// A filter was unsubscribed from.
    mutating func add(_ text: String) {
        guard servers > 0 else { return }
        lastOrder += 1
        debts[ByteKey(text)] = Debt(order: lastOrder, servers: Set(0..<servers))
        if debts.count > Self.limit, let oldest = debts.min(by: { $0.value.order < $1.value.order }) {
            debts[oldest.key] = nil
        }
    }

    /// A filter is subscribed to again.
    mutating func cancel(_ text: String) {
        if !debts.isEmpty { debts[ByteKey(text)] = nil }
    }

    /// A server has ended a filter.
    mutating func ended(_ text: String, at server: Int) {
        let key = ByteKey(text)
        debts[key]?.servers.remove(server)
        if debts[key]?.servers.isEmpty == true { debts[key] = nil }
    }

    /// A server has no session, and so knows none of the filters.
    mutating func knowsNothing(_ server: Int) {
        for text in owed(to: server) { ended(text, at: server) }
    }

    /// The filters that a server has to be told of, the oldest first.
    func owed(to server: Int) -> [String] {
        debts.filter { $0.value.servers.contains(server) }.sorted { $0.value.order < $1.value.order }.map(\.key.text)
    }
}
