/// Components that take turns: no two of their handlers and loops run at the same time.
///
/// ```swift
/// Consecutive {
///     Subscribe(to: target) { message in try await pump.aim(at: message.value) }
///     Every(.seconds(10)) { try await pump.check() }
/// }
/// ```
///
/// Each call of a handler and each run of a loop is a turn; they come in the order in which they were due. A turn ends when its
/// closure returns, also while it waits for something. What waits for its turn waits as it would behind its own former run: a
/// tick of a loop that passes meanwhile is skipped, messages wait in their mailbox, and a caller's timeout goes on.
///
/// It holds for ``Subscribe``, ``Consume``, ``Listen``, ``Every``, ``Respond`` and ``Perform``, for the exchanges and methods of
/// AMQP, also in groups inside, and for components of one's own that use ``NodeContext/inTurn(_:)``. ``Execute`` runs beside them,
/// for it may run for ever. A handler that calls another one of the same turns waits for itself, until its timeout.
///
/// Otherwise it is as a ``Group``.
public struct Consecutive: Component, ComponentContainer {
    /// What it is called; its members' names begin with it.
    public let name: String
    package let members: [any Component]
    package let turns: Turns? = Turns()

    /// Components that take turns.
    public init(_ name: String = "Consecutive", @ComponentBuilder _ members: () -> [any Component]) {
        self.name = name
        self.members = members()
    }

    /// Checks each member.
    public func validate() throws {
        for member in members { try member.validate() }
    }

    /// Runs the members until all have ended.
    public func run(in context: NodeContext) async throws {
        try await context.part.runMembers()
    }
}
