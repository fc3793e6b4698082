public import Logging

/// What a component is given to work with.
public struct NodeContext: Sendable {
    /// Where it logs: says which node and which component.
    public let logger: Logger
    let supervisor: Supervisor
    let member: Member

    init(_ member: Member, _ supervisor: Supervisor) {
        self.member = member
        self.supervisor = supervisor
        var logger = supervisor.logger
        logger[metadataKey: "component"] = .string(member.name)
        self.logger = logger
    }

    /// The connection of the node.
    public var connection: any Connection { supervisor.connection }

    /// What the component is called in its node.
    public var name: String { member.name }

    var timers: Timers { connection.runtime.timers }

    /// Says that the component can be found by others; see ``Component/reportsReadiness``.
    public func ready() {
        set(.running)
    }

    /// Counts an error that a handler threw and that does not end the component; logged once a minute at most.
    public func countHandlerError(_ error: any Error) {
        let now = timers.now
        var total: Int?
        supervisor.status.update { status in
            status.components[member.index].health.fail(error)
            status.components[member.index].health.handlerErrors += 1
            if let last = status.components[member.index].loggedErrorAt, now - last < .seconds(60) { return }
            status.components[member.index].loggedErrorAt = now
            total = status.components[member.index].health.handlerErrors
        }
        guard let total else { return }
        logger.warning("a handler threw an error", metadata: ["error": "\(error)", "total": "\(total)"])
    }

    func set(_ state: ComponentState) {
        supervisor.status.update { $0.components[member.index].health.state = state }
    }

    func fail(_ error: any Error, _ state: ComponentState) {
        supervisor.status.update { status in
            status.components[member.index].health.fail(error)
            status.components[member.index].health.state = state
        }
    }

    /// Waits before the component, or what it executes, is run again.
    ///
    /// - Returns: whether it is to be run again; `false` if shutdown began meanwhile.
    func pauseBeforeRestart(_ delay: Duration) async throws -> Bool {
        supervisor.status.update { status in
            status.components[member.index].health.state = .restarting
            status.components[member.index].health.restarts += 1
        }
        return try await Pause.until(timers.now + delay, timers) == .over
    }
}
