import Martlet
struct Perform: Component {
    let name: String
    let work: @Sendable (NodeContext) async throws -> Void
    init<Goal, Feedback, Result>(_ action: Action<Goal, Feedback, Result>, options: ActionOptions = ActionOptions(),
        handler: @escaping @Sendable (GoalContext<Goal, Feedback>) async throws -> Result) {
        name = "Perform \(action.name)"
        work = { try await $0.connection.perform(action, options: options, handler: handler) }
    }
    var reportsReadiness: Bool { true }
    func run(in context: NodeContext) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await work(context) }
            group.addTask { try await Task.sleep(for: .milliseconds(50)); context.ready() }
            try await group.waitForAll()
        }
    }
}
