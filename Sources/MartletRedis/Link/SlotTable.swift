import Martlet
import MartletTransport

/// Where a cluster keeps which keys, as far as it has told. A pure value.
struct SlotTable {
    /// By hash slot. Those that are not here are asked for at the node that the connection began with.
    private var nodes: [Int: Destination] = [:]

    var isEmpty: Bool { nodes.isEmpty }

    subscript(slot: Int?) -> Destination? { slot.flatMap { nodes[$0] } }

    /// A node has said where a key is: `MOVED 3999 127.0.0.1:6381`, or with a host's name.
    ///
    /// - Parameter first: the node that the connection began with.
    /// - Returns: whether it was understood.
    mutating func learn(from error: RedisError, first: Endpoint) -> Bool {
        let words = error.message.split(separator: " ")
        guard words.count == 3, let slot = Self.slot(in: error), let colon = words[2].lastIndex(of: ":"),
            let port = Int(words[2][words[2].index(after: colon)...]), (1...65_535).contains(port),
            let node = Self.node(String(words[2][..<colon]), port, first)
        else { return false }
        nodes[slot] = Self.isSame(node, first) ? nil : node
        return true
    }

    /// Which slot a node says to be elsewhere.
    static func slot(in error: RedisError) -> Int? {
        let words = error.message.split(separator: " ", maxSplits: 2)
        guard words.count == 3, words[0] == "MOVED", let slot = Int(words[1]), (0..<ClusterSlot.count).contains(slot)
        else { return nil }
        return slot
    }

    /// A node keeps a slot, or is to be asked first.
    mutating func set(_ slot: Int?, to node: Destination) {
        if let slot { nodes[slot] = node }
    }

    /// A node may not keep any more what it kept: the one that the connection began with is asked.
    mutating func forget(_ node: Destination) { nodes = nodes.filter { $0.value != node } }

    private static func node(_ host: String, _ port: Int, _ first: Endpoint) -> Destination? {
        var host = host
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        // Where the cluster knows no host (`?`, or nothing), it is that of the node which answers.
        if host.isEmpty || host == "?", case .tcp(let address, _) = first { host = address.host }
        if let address = SocketAddress(numeric: host, port: port) {
            return .endpoint(.tcp(address, host: first.host))
        }
        return isName(host) ? .name(host, port: port) : nil
    }

    private static func isName(_ host: String) -> Bool {
        (1...253).contains(host.utf8.count)
            && host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }
    }

    private static func isSame(_ node: Destination, _ first: Endpoint) -> Bool {
        guard case .tcp(let address, let host) = first else { return false }
        switch node {
        case .endpoint(.tcp(let other, _)): return other == address
        case .endpoint(.unix): return false
        case .name(let name, let port): return name == host && port == address.port
        }
    }
}
