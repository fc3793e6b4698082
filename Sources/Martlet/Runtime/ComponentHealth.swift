/// How a component of a node, or a route of a bridge, is.
public struct ComponentHealth: Codable, Sendable, Hashable {
    /// Its name; after its group's name and a slash if it is in one.
    public let name: String
    /// Whether it runs.
    public internal(set) var state = ComponentState.idle
    /// How often it was run again.
    public internal(set) var restarts = 0
    /// How many errors its handler threw without ending it.
    public internal(set) var handlerErrors = 0
    /// The text of its last error.
    public internal(set) var lastError: String?
    /// What it says of itself, where it has something to say: what waits, and for what.
    public internal(set) var note: String?

    mutating func fail(_ error: any Error) {
        // A bound, for what an error says of itself may be anything.
        lastError = String(String(describing: error).prefix(1_024))
    }
}

/// Whether a component of a node, or a route of a bridge, runs.
public enum ComponentState: String, Codable, Sendable, Hashable {
    /// It has not been run, or its node is stopped.
    case idle
    /// It is being opened at the broker.
    case starting
    /// It does its work.
    case running
    /// It has failed, or ended, and will be run again when its back-off is over.
    case restarting
    /// It is done: by itself, or because its node stops.
    case ended
    /// It has failed and will not be run again.
    case failed
}
