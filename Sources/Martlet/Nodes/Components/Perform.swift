/// A component that runs the goals of an action, as ``Connection/perform(_:options:onReady:handler:)``.
///
/// ```swift
/// Perform(move, options: ActionOptions(policy: .preemptLatest)) { goal in
///     for centimetre in 0..<goal.value.target {
///         try await step()                                  // throws once the goal is cancelled
///         goal.report(MoveFeedback(current: centimetre))
///     }
///     return MoveResult(reached: goal.value.target)
/// }
/// ```
///
/// How a handler ends is how its goal ends, and no failure of the component. When the node stops, goals at work may
/// finish within its drain limit, those that wait for their turn are canceled, and no more are taken.
public struct Perform: Component {
    /// `Perform` and the action's name.
    public let name: String
    /// The action, its goals, feedback and results.
    public let contract: ComponentContract?
    private let action: QueueName
    private let options: ActionOptions
    private let serve: @Sendable (NodeContext) async throws -> Void

    /// Runs each goal by the handler.
    public init<Goal, Feedback, Result>(
        _ action: Action<Goal, Feedback, Result>,
        options: ActionOptions = ActionOptions(),
        handler: @escaping @Sendable (GoalContext<Goal, Feedback>) async throws -> Result
    ) {
        name = "Perform \(action.name)"
        contract = ComponentContract(
            kind: "Perform",
            name: action.name.text,
            types: [Goal.self, Feedback.self, Result.self]
        )
        self.action = action.name
        self.options = options
        serve = { context in
            try await context.connection
                .perform(action, options: options, onReady: { context.ready() }) { goal in
                    try await context.inTurn { try await handler(goal) }
                }
        }
    }

    /// It can be found once it takes goals.
    public var reportsReadiness: Bool { true }

    /// Checks the name and the options.
    public func validate() throws {
        try action.validate()
        try options.validate(for: action)
    }

    /// Runs goals until the node stops.
    public func run(in context: NodeContext) async throws {
        try await serve(context)
    }
}
