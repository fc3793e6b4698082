/// How a node is.
public struct NodeHealth: Codable, Sendable, Hashable {
    /// The node's name.
    public let name: String
    /// What it is doing.
    public let state: NodeState
    /// Since when it has been doing that: nanoseconds since 1970.
    public let since: Int64
    /// Its components, in the order of their declaration; a group's members come after it.
    public let components: [ComponentHealth]

    /// Whether the node runs and none of its components has failed or is about to be run again.
    public var isHealthy: Bool {
        state == .running && !components.contains { $0.state == .failed || $0.state == .restarting }
    }

    /// The component of a name.
    public subscript(component: String) -> ComponentHealth? {
        components.first { $0.name == component }
    }
}
