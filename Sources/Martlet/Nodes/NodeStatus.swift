/// What a node knows of a component.
struct ComponentRecord: Sendable {
    var health: ComponentHealth
    /// When an error of its handler was last logged.
    var loggedErrorAt: Duration?
}

/// All that changes in a node.
struct NodeStatus: Sendable {
    var lifecycle: NodeLifecycle
    var components: [ComponentRecord]

    /// Whether the components that run can be found by others.
    var isReady: Bool {
        lifecycle.state == .running && !components.contains { $0.health.state == .starting }
    }

    /// The components are about to be run, or have stopped.
    mutating func setAll(_ state: ComponentState) {
        for index in components.indices { components[index].health.state = state }
    }
}
