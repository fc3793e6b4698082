import Martlet
import MartletTransport

/// Where a cluster keeps which keys, as far as it has told. A pure value.
struct SlotTable {
    /// By hash slot. Those that are not here are asked for at the node that the connection began with.
    private var nodes: [Int: Endpoint] = [:]

    var isEmpty: Bool { nodes.isEmpty }

    subscript(slot: Int?) -> Endpoint? { slot.flatMap { nodes[$0] } }

    /// A node has said where a key is: `MOVED 3999 127.0.0.1:6381`.
    ///
    /// - Parameter first: the node that the connection began with.
    /// - Returns: whether it was understood.
    mutating func learn(from error: RedisError, first: Endpoint) -> Bool {
        let words = error.message.split(separator: " ")
        guard words.count == 3, words[0] == "MOVED", let slot = Int(words[1]), (0..<ClusterSlot.count).contains(slot),
            let colon = words[2].lastIndex(of: ":"), let port = Int(words[2][words[2].index(after: colon)...])
        else { return false }
        // Without a host it is that of the node which answers.
        var host = String(words[2][..<colon])
        if host.isEmpty, case .tcp(let address, _) = first { host = address.host }
        guard let address = SocketAddress(numeric: host, port: port) else { return false }
        let endpoint = Endpoint.tcp(address, host: first.host)
        if case .tcp(address, _) = first { nodes[slot] = nil } else { nodes[slot] = endpoint }
        return true
    }
}
