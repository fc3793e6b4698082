/// Which state of a node may follow which. A pure value.
struct NodeLifecycle {
    private(set) var state = NodeState.idle
    /// Nanoseconds since 1970.
    private(set) var since: Int64

    init(at time: Int64) {
        since = time
    }

    /// It is run, for the first and only time.
    mutating func begin(at time: Int64) throws {
        guard state == .idle else {
            throw MessagingError(.alreadyRunning, "a node runs once, and this one runs or has run; make a new one")
        }
        enter(.running, at: time)
    }

    /// It is told to stop its components.
    mutating func stop(at time: Int64) throws {
        guard state == .running else { throw Self.wrongState }
        enter(.stopping, at: time)
    }

    /// Its components have stopped.
    mutating func stopped(at time: Int64) {
        guard state == .stopping else { return }
        enter(.stopped, at: time)
    }

    /// It is told to start its components again.
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
