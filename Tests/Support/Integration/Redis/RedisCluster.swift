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

    private func join(_ replicas: Int) async throws {
        let client = try Program.find("redis-cli", package: "redis-tools")
        let addresses = nodes.map { "127.0.0.1:\($0.port)" }
        let environment = nodes[0].options.password.map { ["REDISCLI_AUTH": $0] } ?? [:]
        try await Program.run(
            client,
            ["--cluster", "create"] + addresses + ["--cluster-replicas", "\(replicas)", "--cluster-yes"],
            environment: environment
        )
        let deadline = ContinuousClock.now + .seconds(60)
        for (number, node) in nodes.enumerated() {
            while try await !isReady(node, isReplica: number >= nodes.count / (1 + replicas)) {
                guard ContinuousClock.now < deadline else {
                    throw ServerError("The cluster was not ready within a minute. A node's log:\n\(node.log)")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func isReady(_ node: RedisServer, isReplica: Bool) async throws -> Bool {
        // Before that it can't take its server's place.
        if isReplica, try await !node.command("INFO", "replication").contains("master_link_status:up") { return false }
        let state = try await node.command("CLUSTER", "INFO")
        return state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:\(nodes.count)")
    }
}
