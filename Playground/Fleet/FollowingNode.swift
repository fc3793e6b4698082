import Martlet
import ServiceLifecycle

/// A node that is run once others are ready: a service group starts all its services at the same time.
struct FollowingNode: Service {
    let node: Node
    let others: [Node]

    init(_ node: Node, after others: [Node]) {
        self.node = node
        self.others = others
    }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                for other in others { try await other.waitUntilReady() }
            }
        } catch {
            if Task.isShuttingDownGracefully { return }
            throw error
        }
        try await node.run()
    }
}
