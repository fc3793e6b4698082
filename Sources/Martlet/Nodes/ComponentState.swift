/// What a component of a node is doing.
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
