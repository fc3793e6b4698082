/// Three Redis servers that share the hash slots among them, without replicas.
package struct RedisCluster: Sendable {
    /// The servers, in the order of their slots.
    package let nodes: [RedisServer]

    /// Runs `body` with a cluster of its own, which ends with it.
    package static func withCluster<Result>(
        _ options: RedisOptions = RedisOptions(),
        _ body: (RedisCluster) async throws -> Result
    ) async throws -> Result {
        var options = options
        options.isClusterNode = true
        let cluster = RedisCluster(nodes: try (0..<3).map { _ in try RedisServer(options) })
        defer { for node in cluster.nodes { node.process.discard() } }
        for node in cluster.nodes { try await node.start() }
        try await cluster.join()
        return try await body(cluster)
    }

    private func join() async throws {
        let client = try Program.find("redis-cli", package: "redis-tools")
        let addresses = nodes.map { "127.0.0.1:\($0.port)" }
        let environment = nodes[0].options.password.map { ["REDISCLI_AUTH": $0] } ?? [:]
        try await Program.run(
            client,
            ["--cluster", "create"] + addresses + ["--cluster-yes"],
            environment: environment
        )
        let deadline = ContinuousClock.now + .seconds(60)
        for node in nodes {
            while try await !isReady(node) {
                guard ContinuousClock.now < deadline else {
                    throw ServerError("The cluster was not ready within a minute. A node's log:\n\(node.log)")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func isReady(_ node: RedisServer) async throws -> Bool {
        let state = try await node.command("CLUSTER", "INFO")
        return state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:\(nodes.count)")
    }
}
