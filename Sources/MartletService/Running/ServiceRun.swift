import Logging
import Martlet
import ServiceLifecycle

/// One run of a service, from connecting to its broker until it has ended.
struct ServiceRun<Program: ServiceProgram>: Service {
    let plan: ServicePlan<Program.Settings>

    func run() async throws {
        let link = try await cancelWhenGracefulShutdown {
            try await Program.Link.connect(to: plan.broker.value, connection: plan.connection)
        }
        try await link.closing { link in
            let context = ServiceContext(
                plan.name,
                plan.base,
                link,
                plan.settings,
                plan.logger,
                StateLocation(name: plan.name)
            )
            let program = try await Program(service: context)
            let node = Node(TopicName(segments: [plan.name]), on: link, options: plan.node) { program.components }
            try await node.run()
        }
    }
}
