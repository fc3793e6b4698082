public import Logging

/// What a component is given to work with.
public struct NodeContext: Sendable {
    /// The connection of the node.
    public let connection: any Connection
    let part: PartContext

    /// Where it logs: says which node and which component.
    public var logger: Logger { part.logger }

    /// What the component is called in its node.
    public var name: String { part.part.name }

    var timers: Timers { part.timers }

    /// Says that the component can be found by others; see ``Component/reportsReadiness``.
    public func ready() { part.ready() }

    /// Counts an error that a handler threw and that does not end the component; logged once a minute at most.
    public func countHandlerError(_ error: any Error) { part.countHandlerError(error) }
}

extension Part {
    /// A component of a node.
    init(_ component: any Component, on connection: any Connection) {
        self.init(
            name: component.name,
            failurePolicy: component.failurePolicy,
            reportsReadiness: component.reportsReadiness,
            links: Links(needed: connection),
            members: ((component as? any ComponentContainer)?.members ?? []).map { Part($0, on: connection) }
        ) { part in
            try await component.run(in: NodeContext(connection: connection, part: part))
        }
    }
}
