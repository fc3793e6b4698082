/// Three nodes of ejabberd that are one MQTT broker. They start within seconds.
package struct EjabberdCluster: Sendable {
    /// The nodes; the others have joined the first one.
    package let nodes: [EjabberdServer]

    /// Runs `body` with a cluster of its own, which ends with it.
    package static func withCluster<Result>(
        _ body: (EjabberdCluster) async throws -> Result
    ) async throws -> Result {
        let nodes = try (0..<3).map { _ in try EjabberdServer() }
        defer { for node in nodes { node.process.discard() } }
        for node in nodes { try await node.start() }
        for node in nodes.dropFirst() { try await node.join(nodes[0]) }
        return try await body(EjabberdCluster(nodes: nodes))
    }
}
