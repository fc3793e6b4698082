/// Three Redis servers that share the hash slots among them, each with replicas or without.
package struct RedisCluster: Sendable {
    /// The servers, in the order of their slots; then their replicas.
    package let nodes: [RedisServer]

    /// Runs `body` with a cluster of its own, which ends with it.
    ///
    /// - Parameter replicas: How many each of the three servers has, one of which takes its place when it is gone.
    package static func withCluster<Result>(
        _ options: RedisOptions = RedisOptions(),
        replicas: Int = 0,
        _ body: (RedisCluster) async throws -> Result
    ) async throws -> Result {
        var options = options
        options.isClusterNode = true
        let cluster = RedisCluster(nodes: try (0..<3 * (1 + replicas)).map { _ in try RedisServer(options) })
        defer { for node in cluster.nodes { node.process.discard() } }
        for node in cluster.nodes { try await node.start() }
        try await cluster.join(replicas)
        return try await body(cluster)
    }

    /// The server that a key is at now; `nil` if none of those that run has its slot.
    package func owner(of key: String) async -> RedisServer? {
        for node in nodes where node.processID != nil {
            // The others answer that it has moved.
            if (try? await node.command("EXISTS", key)) != nil { return node }
        }
        return nil
    }

    /// Moves the slot of a key to another node, as a cluster that grows does it. `body` runs while both have it in part: the keys
    /// that it had before are still at the old one.
    package func moveSlot(of key: String, to other: RedisServer, _ body: () async throws -> Void) async throws {
        guard let owner = await owner(of: key) else { throw ServerError("No node has the slot of \(key)") }
        let slot = try await owner.command("CLUSTER", "KEYSLOT", key)
        let (from, to) = (try await owner.command("CLUSTER", "MYID"), try await other.command("CLUSTER", "MYID"))
        try await other.command("CLUSTER", "SETSLOT", slot, "IMPORTING", from)
        try await owner.command("CLUSTER", "SETSLOT", slot, "MIGRATING", to)
        try await body()
        while case let key = try await owner.command("CLUSTER", "GETKEYSINSLOT", slot, "1"), !key.isEmpty {
            try await owner.command("MIGRATE", "127.0.0.1", "\(other.port)", key, "0", "5000")
        }
        for node in [other, owner] + nodes where node.processID != nil {
            // Replicas hear of it from those that they copy.
            _ = try? await node.command("CLUSTER", "SETSLOT", slot, "NODE", to)
        }
    }

    /// Does what `redis-cli --cluster create` does, but introduces the nodes to each other again and again: on a busy machine they
    /// may not meet within the time that they give each other, and forget that they were to.
    private func join(_ replicas: Int) async throws {
        let slots = [0, 5_461, 10_923, 16_384]
        for (number, node) in nodes.enumerated() {
            if number < 3 {
                try await node.command("CLUSTER", "ADDSLOTSRANGE", "\(slots[number])", "\(slots[number + 1] - 1)")
            }
            try await node.command("CLUSTER", "SET-CONFIG-EPOCH", "\(number + 1)")
        }
        let deadline = ContinuousClock.now + .seconds(120)
        var introducedAt: ContinuousClock.Instant?
        try await wait(until: deadline) {
            if introducedAt.map({ .now - $0 > .seconds(6) }) ?? true {
                introducedAt = .now
                for node in nodes.dropFirst() {
                    let ports = [node.port, node.busPort ?? 0].map(String.init)
                    try await nodes[0].command("CLUSTER", "MEET", "127.0.0.1", ports[0], ports[1])
                }
            }
            for node in nodes where try await !knowsAll(node) { return false }
            return true
        }
        for (number, node) in nodes.enumerated() where number >= 3 {
            try await node.command("CLUSTER", "REPLICATE", try await nodes[number % 3].command("CLUSTER", "MYID"))
        }
        for (number, node) in nodes.enumerated() {
            try await wait(until: deadline) { try await isReady(node, isReplica: number >= 3) }
        }
    }

    private func wait(until deadline: ContinuousClock.Instant, _ condition: () async throws -> Bool) async throws {
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                let logs = nodes.map(\.log).joined(separator: "\n")
                throw ServerError("The cluster was not ready within two minutes. The nodes' logs:\n\(logs)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Whether a node has met all others.
    private func knowsAll(_ node: RedisServer) async throws -> Bool {
        let known = try await node.command("CLUSTER", "NODES").split(separator: "\n")
        return known.count { !$0.contains("handshake") } == nodes.count && known.count == nodes.count
    }

    private func isReady(_ node: RedisServer, isReplica: Bool) async throws -> Bool {
        // Before that it can't take its server's place.
        if isReplica, try await !node.command("INFO", "replication").contains("master_link_status:up") { return false }
        let state = try await node.command("CLUSTER", "INFO")
        return state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:\(nodes.count)")
    }
}
