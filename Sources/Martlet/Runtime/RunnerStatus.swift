/// The state of a part.
struct PartRecord: Sendable {
    var health: ComponentHealth
    /// When an error of its handler was last logged.
    var loggedErrorAt: Duration?
    /// Whether it goes on while the others are stopped.
    let isStanding: Bool
}

/// All that changes in a runner. A pure value.
struct RunnerStatus: Sendable {
    var lifecycle: Lifecycle
    var parts: [PartRecord]

    /// Whether the parts that run can be found by others.
    var isReady: Bool {
        lifecycle.state == .running && !parts.contains { $0.health.state == .starting }
    }

    /// How the parts are that are not standing.
    var health: [ComponentHealth] { parts.filter { !$0.isStanding }.map(\.health) }

    /// Everything is about to be run, for the first and only time.
    mutating func begin(_ list: PartList, at time: Int64) throws {
        try lifecycle.begin(at: time)
        parts = list.records
        for index in parts.indices { parts[index].health.state = .starting }
    }

    /// The parts are told to stop.
    mutating func stop(at time: Int64) throws {
        try lifecycle.stop(at: time)
    }

    /// They have stopped.
    mutating func stopped(at time: Int64) {
        lifecycle.stopped(at: time)
        setOthers(to: .idle)
    }

    /// They are about to be run again.
    mutating func start(at time: Int64) throws {
        try lifecycle.start(at: time)
        setOthers(to: .starting)
    }

    private mutating func setOthers(to state: ComponentState) {
        for index in parts.indices where !parts[index].isStanding { parts[index].health.state = state }
    }
}
