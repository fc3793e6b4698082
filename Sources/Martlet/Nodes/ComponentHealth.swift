/// How a component of a node is.
public struct ComponentHealth: Codable, Sendable, Hashable {
    /// What it is called; after its group's name and a slash if it is in one.
    public let name: String
    /// What it is doing.
    public internal(set) var state = ComponentState.idle
    /// How often it was run again.
    public internal(set) var restarts = 0
    /// How many errors its handler threw without ending it.
    public internal(set) var handlerErrors = 0
    /// What its last error said.
    public internal(set) var lastError: String?

    mutating func fail(_ error: any Error) {
        // A bound, for what an error says of itself may be anything.
        lastError = String(String(describing: error).prefix(1_024))
    }
}
