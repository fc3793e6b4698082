/// Components that belong together, under one name and one failure policy.
///
/// Each member keeps its own policy. Where that would end the node, the group fails instead: all its members are
/// cancelled, and the group's policy decides whether they are run again together. It ends when all its members have.
///
/// ```swift
/// Group("camera") {
///     Every(.milliseconds(100)) { … }
///     Respond(to: snapshot) { … }
/// }
/// .onFailure(.restart())
/// ```
public struct Group: Component, ComponentContainer {
    /// What it is called; its members' names begin with it.
    public let name: String
    package let members: [any Component]

    /// A group of components.
    public init(_ name: String = "Group", @ComponentBuilder _ members: () -> [any Component]) {
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
