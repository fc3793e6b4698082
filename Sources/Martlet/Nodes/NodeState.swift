/// What a node is doing. The first four numbers are commlib-py's.
public enum NodeState: Int, Codable, Sendable, Hashable {
    /// It has not been run yet.
    case idle = 1
    /// Its components run.
    case running = 2
    /// It has run, and does so no more.
    case exited = 3
    /// It was stopped; it can be started again.
    case stopped = 4
    /// It was told to stop, and finishes the work in hand.
    case stopping = 5
}
