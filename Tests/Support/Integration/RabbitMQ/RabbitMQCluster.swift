/// Three RabbitMQ brokers that form a cluster on this machine. It takes half a minute to start.
package struct RabbitMQCluster: Sendable {
    /// The brokers; the others have joined the first one.
    package let nodes: [RabbitMQServer]

    /// Runs `body` with a cluster of its own, which ends with it.
    package static func withCluster<Result>(
        _ options: RabbitMQOptions = RabbitMQOptions(),
        _ body: (RabbitMQCluster) async throws -> Result
    ) async throws -> Result {
        let first = RabbitMQServer.newNode()
        var nodes = [try RabbitMQServer(options, peers: [], node: first)]
        for _ in 0..<2 {
            let node = RabbitMQServer.newNode()
            nodes.append(try RabbitMQServer(options, peers: [first, node], node: node))
        }
        defer { for node in nodes { node.process.discard() } }
        // One after the other, so that each finds the first one ready to be joined.
        for node in nodes { try await node.start() }
        return try await body(RabbitMQCluster(nodes: nodes))
    }
}
