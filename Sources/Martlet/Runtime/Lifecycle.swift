/// Which state of a runner may follow which. A pure value.
struct Lifecycle: Sendable {
    /// Its kind in errors: node or bridge.
    private let kind: String
    private(set) var state = NodeState.idle
    /// Nanoseconds since 1970.
    private(set) var since: Int64

    init(of kind: String = "node", at time: Int64) {
        self.kind = kind
        since = time
    }

    /// It is run, for the first and only time.
    mutating func begin(at time: Int64) throws {
        guard state == .idle else {
            throw MessagingError(
                .alreadyRunning,
                "a \(kind) runs once, and this one runs or has run; make a new one"
            )
        }
        enter(.running, at: time)
    }

    /// It is told to stop its parts.
    mutating func stop(at time: Int64) throws {
        guard state == .running else { throw Self.wrongState }
        enter(.stopping, at: time)
    }

    /// Its parts have stopped.
    mutating func stopped(at time: Int64) {
        guard state == .stopping else { return }
        enter(.stopped, at: time)
    }

    /// It is told to start its parts again.
    mutating func start(at time: Int64) throws {
        guard state == .stopped else { throw Self.wrongState }
        enter(.running, at: time)
    }

    /// It has run.
    mutating func exit(at time: Int64) {
        enter(.exited, at: time)
    }

    private mutating func enter(_ new: NodeState, at time: Int64) {
        state = new
        since = time
    }

    /// With commlib-py's text, which peers may look for.
    private static var wrongState: MessagingError {
        MessagingError(.notRunning, "Cannot make the transition from current state!")
    }
}

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
