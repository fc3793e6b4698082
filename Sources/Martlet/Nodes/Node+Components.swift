import Logging
import ServiceLifecycle

extension Node {
    /// Runs the components, and again whenever the node is stopped and started.
    func runComponents() async throws {
        while true {
            try await runUntilStopped()
            try Task.checkCancellation()
            if status.value.lifecycle.state == .running {
                // They have ended by themselves, or shutdown has begun.
                if Task.isShuttingDownGracefully { return }
                if connection.state == .closed { throw MessagingError.closed }
                if !options.remoteControl, !members.isEmpty { return }
                guard try await status.wait(until: { $0.lifecycle.state == .stopping }) else { return }
            }
            status.update { status in
                status.lifecycle.stopped(at: WallClock.nanoseconds)
                status.setAll(.idle)
            }
            logger.info("the node is stopped")
            guard try await status.wait(until: { $0.lifecycle.state == .running }) else { return }
            logger.info("the node is started again")
        }
    }

    /// Runs the components until they have ended, were stopped, or shutdown was asked for.
    ///
    /// They run in a service group of their own, so that stopping the node is for them what the shutdown of the
    /// process is: one signal, the one that code for servers listens to anyway.
    private func runUntilStopped() async throws {
        let components = NodeComponents(node: self)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: components, successTerminationBehavior: .ignore)],
                logger: logger
            )
        )
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await group.run()
                return true
            }
            tasks.addTask {
                if try await self.status.wait(until: { $0.lifecycle.state == .stopping }) {
                    await group.triggerGracefulShutdown()
                }
                return false
            }
            while let hasEnded = try await tasks.next(), !hasEnded {}
            tasks.cancelAll()
        }
    }
}

/// The components of a node, as what a service group runs.
private struct NodeComponents: Service {
    let node: Node

    func run() async throws {
        let supervisor = Supervisor(connection: node.connection, logger: node.logger, status: node.status)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await supervisor.run(node.members)
                return true
            }
            group.addTask {
                try await gracefulShutdown()
                try await node.connection.runtime.timers.sleep(for: node.options.drainLimit)
                return false
            }
            defer { group.cancelAll() }
            guard try await group.next() == false else { return }
            node.logger.warning("work in hand is cancelled", metadata: ["limit": "\(node.options.drainLimit)"])
        }
    }
}
