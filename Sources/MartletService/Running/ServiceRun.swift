import Logging
import Martlet
import ServiceLifecycle

/// One run of a service, from connecting to its broker until it has ended.
struct ServiceRun<Program: ServiceProgram>: Service {
    let plan: ServicePlan<Program.Settings>
    let report: SystemdReport
    let watchdog: Watchdog?

    func run() async throws {
        let link = try await untilShutdown {
            try await Program.Link.connect(to: plan.broker.value, connection: plan.connection)
        }
        try await link?.closing { link in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await run(on: link)
                    return true
                }
                group.addTask {
                    try await watch(link)
                    return false
                }
                while let hasEnded = try await group.next(), !hasEnded {}
                group.cancelAll()
            }
        }
    }

    private func run(on link: Program.Link) async throws {
        let log = plan.log?.topic.map { RemoteLog(to: Topic($0)) }
        let context = plan.context(on: link, log: log)
        let program = try await Program(service: context)
        let components = program.components
        let companions = plan.scope.companions(of: components)
        let node = Node(TopicName(segments: [plan.name]), on: link, options: plan.node, log: log) {
            components
            companions
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await node.run()
                return true
            }
            group.addTask {
                for await health in node.healthChanges() {
                    guard await report.update(health: health) else { continue }
                    // systemd reads a change a second, not what comes between.
                    try await link.runtime.timers.sleep(for: .seconds(1))
                }
                return false
            }
            if Program.isSwitchable {
                group.addTask {
                    try await obey(plan.base.appending("enabled"), node, context.logger)
                    return false
                }
            }
            watchdog?.ask { await isWell(node, link) }
            defer { watchdog?.ask(nil) }
            while let hasEnded = try await group.next(), !hasEnded {}
            group.cancelAll()
        }
    }

    /// Whether the connection's loop answers, and no component has failed.
    private func isWell(_ node: Node, _ link: Program.Link) async -> Bool {
        if link.state != .closed { await link.answer() }
        return !node.health.components.contains { $0.state == .failed }
    }

    /// Tells how the link is, and gives up if another client keeps taking it.
    private func watch(_ link: Program.Link) async throws {
        var takeovers = Takeovers()
        for await state in link.states() {
            await report.update(link: state)
            guard plan.isOnMQTT else { continue }
            let statistics = link.statistics
            if takeovers.note(state, failures: statistics.linkFailures, at: link.runtime.timers.now) {
                throw ServiceError.takenOver(plan.name, statistics.lastLinkFailure)
            }
        }
    }

    /// Stops and starts the node's components as a topic says.
    private func obey(_ topic: TopicName, _ node: Node, _ logger: Logger) async throws {
        let values = try await untilShutdown {
            try await node.connection.subscribe(to: Topic<Bool>(topic), codec: PlainText())
        }
        guard let values else { return }
        for try await value in values {
            switch (value.value, node.state) {
            case (true, .stopped): try await node.start()
            case (false, .running): try await node.stop()
            default: continue
            }
            logger.notice("the service was \(value.value ? "enabled" : "stopped") by its topic 'enabled'")
        }
    }
}
