import IntegrationSupport
import Martlet

extension RedisCluster {
    /// A queue that a node keeps.
    func queue(at node: RedisServer) async throws -> QueueName {
        while true {
            let name = unique("queue")
            if await owner(of: name) === node { return QueueName(name) }
        }
    }

    /// The one that copies a node.
    func replica(of node: RedisServer) async throws -> RedisServer {
        for replica in nodes where replica !== node {
            let lines = try await replica.command("INFO", "replication").split(whereSeparator: \.isNewline)
            if lines.contains("role:slave"), lines.contains("master_port:\(node.port)") { return replica }
        }
        throw ServerError("Nobody copies the server at \(node.port)")
    }
}
