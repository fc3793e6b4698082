import Logging

/// The link between a part and its runner, while the part runs.
struct PartContext: Sendable {
    let part: Part
    /// Where it logs: says which part it is.
    let logger: Logger
    private let supervisor: Supervisor

    init(_ part: Part, _ supervisor: Supervisor) {
        self.part = part
        self.supervisor = supervisor
        var logger = supervisor.logger
        logger[metadataKey: supervisor.noun] = .string(part.name)
        self.logger = logger
    }

    var timers: Timers { supervisor.timers }

    var state: ComponentState { supervisor.status.value.parts[part.index].health.state }

    /// Others can find it.
    func ready() { set(.running) }

    /// Returns when it and all others can be found.
    ///
    /// - Returns: whether that is so; `false` if shutdown began before.
    /// - Throws: `CancellationError`.
    func waitUntilAllAreReady() async throws -> Bool { try await supervisor.status.wait { $0.isReady } }

    /// Runs its members until all have ended.
    func runMembers() async throws {
        try await supervisor.run(part.members)
    }

    /// Counts an error that does not end it; logged once a minute at most.
    func countHandlerError(_ error: any Error) {
        let now = timers.now
        var total: Int?
        update { record in
            record.health.fail(error)
            record.health.handlerErrors += 1
            if let last = record.loggedErrorAt, now - last < .seconds(60) { return }
            record.loggedErrorAt = now
            total = record.health.handlerErrors
        }
        guard let total else { return }
        logger.warning("a handler threw an error", metadata: ["error": "\(error)", "total": "\(total)"])
    }

    /// Has its health say something of it.
    func report(_ note: String?) {
        let note = note.map { String($0.prefix(1_024)) }
        if supervisor.status.value.parts[part.index].health.note != note { update { $0.health.note = note } }
    }

    func set(_ state: ComponentState) {
        update { $0.health.state = state }
    }

    func fail(_ error: any Error, _ state: ComponentState) {
        update { record in
            record.health.fail(error)
            record.health.state = state
        }
    }

    /// Waits before it, or what it executes, is run again.
    ///
    /// - Returns: whether it is to be run again; `false` if shutdown began meanwhile.
    func pauseBeforeRestart(_ delay: Duration) async throws -> Bool {
        update { record in
            record.health.state = .restarting
            record.health.restarts += 1
        }
        return try await Pause.until(timers.now + delay, timers) == .over
    }

    private func update(_ change: (inout PartRecord) -> Void) {
        supervisor.status.update { change(&$0.parts[part.index]) }
    }
}
