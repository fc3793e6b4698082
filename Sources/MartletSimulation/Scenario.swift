#if os(Linux)
/// A world with a name, which ``Simulation/main(_:)`` runs for many seeds.
public struct Scenario: Sendable {
    /// What it is called on the command line.
    public let name: String
    let nodes: Int
    let rounds: Int
    /// Whether it is run only when it is asked for by its name, and not listed.
    package var isHidden = false
    let body: @Sendable (World) async throws -> Void

    /// - Parameters:
    ///   - name: what it is called on the command line: one word.
    ///   - nodes: ``World/nodes``, unless the command line says otherwise; at least one.
    ///   - rounds: ``World/rounds``, unless the command line says otherwise; at least one.
    ///   - body: what is done in the world. What it throws is a failure of the seed.
    public init(
        _ name: String,
        nodes: Int = 4,
        rounds: Int = 4,
        _ body: @escaping @Sendable (World) async throws -> Void
    ) {
        self.name = name
        self.nodes = max(1, nodes)
        self.rounds = max(1, rounds)
        self.body = body
    }
}

/// Makes a list of scenarios of those that stand one after the other.
@resultBuilder public enum ScenarioBuilder {
    /// The scenarios in their order.
    public static func buildBlock(_ scenarios: [Scenario]...) -> [Scenario] { scenarios.flatMap(\.self) }
    /// A scenario by itself.
    public static func buildExpression(_ scenario: Scenario) -> [Scenario] { [scenario] }
    /// Scenarios that are in a list already.
    public static func buildExpression(_ scenarios: [Scenario]) -> [Scenario] { scenarios }
}
#endif
