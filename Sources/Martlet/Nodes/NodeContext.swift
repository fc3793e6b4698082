public import Logging

/// What a component is given to work with.
public struct NodeContext: Sendable {
    /// The connection of the node.
    public let connection: any Connection
    /// The name with which those of the node's own topics and procedures begin; see ``Node/base``.
    public let base: TopicName
    let turns: Turns?
    let part: PartContext

    /// Where it logs: says which node and which component.
    public var logger: Logger { part.logger }

    /// What the component is called in its node.
    public var name: String { part.part.name }

    var timers: Timers { part.timers }

    /// Says that the component can be found by others; see ``Component/reportsReadiness``.
    public func ready() { part.ready() }

    /// Runs `body` when it is the component's turn: at once, unless it stands in ``Consecutive`` and another's body runs.
    ///
    /// - Throws: what `body` throws; `CancellationError` if the task is cancelled before.
    public func inTurn<Result>(_ body: () async throws -> Result) async throws -> Result {
        guard let turns else { return try await body() }
        return try await turns.take(body)
    }

    /// Counts an error that a handler threw and that does not end the component; logged once a minute at most.
    public func countHandlerError(_ error: any Error) { part.countHandlerError(error) }

    /// Says something of the component that those who look after it want to know, such as what waits; see
    /// ``ComponentHealth/note``. It stands there until another is reported; `nil`: nothing is to be said.
    public func report(_ note: String?) { part.report(note) }

    /// Of the component that this task, or one that it is a child of, works for: for what stands around a handler and is given no
    /// context. `nil` outside a node. It is no whole context, for each request's task copies it; nor a closure, which as a task
    /// local crashes in code that Swift 6.3 optimises.
    @TaskLocal package static var reporter: Reporter?

    /// Says something of a component; see ``NodeContext/report(_:)``.
    package struct Reporter: Sendable {
        fileprivate let part: PartContext

        package func report(_ note: String?) { part.report(note) }
    }
}

extension NodeContext {
    /// Returns when all components of the node can be found by others.
    ///
    /// - Returns: whether that is so; `false` if shutdown began before.
    /// - Throws: `CancellationError`.
    package func waitUntilNodeIsReady() async throws -> Bool { try await part.waitUntilAllAreReady() }

    /// Runs the members of a component that is made of some, until all have ended.
    package func runMembers() async throws { try await part.runMembers() }
}

extension Part {
    /// A component of a node.
    ///
    /// - Parameters:
    ///   - base: what the names of the node's own topics begin with.
    ///   - turns: those of the component around it.
    init(_ component: any Component, on connection: any Connection, base: TopicName, turns: Turns? = nil) {
        let container = component as? any ComponentContainer
        let turns = turns ?? container?.turns
        self.init(
            name: component.name,
            failurePolicy: component.failurePolicy,
            reportsReadiness: component.reportsReadiness,
            links: Links(needed: connection),
            members: (container?.members ?? []).map { Part($0, on: connection, base: base, turns: turns) }
        ) { part in
            let context = NodeContext(connection: connection, base: base, turns: turns, part: part)
            let reporter = NodeContext.Reporter(part: part)
            try await NodeContext.$reporter.withValue(reporter) { try await component.run(in: context) }
        }
    }
}
