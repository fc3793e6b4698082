public import Martlet

extension ConformanceEnvironment {
    /// Runs `body` while a connection performs an action, which it does by the time `body` begins.
    @discardableResult
    public func performing<Goal, Feedback, Output, Result>(
        _ action: Action<Goal, Feedback, Output>,
        on connection: any Connection,
        options: ActionOptions = ActionOptions(),
        handler: @escaping @Sendable (GoalContext<Goal, Feedback>) async throws -> Output,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withServer {
            try await connection.perform(action, options: options, handler: handler)
        } untilDone: {
            let prober = try await connect()
            // A goal without a name is refused, but only by a server that is there.
            let probe = Message(headers: [Headers.Standard.goalID: ""])
            let goals = QueueName("\(action.name.text).send_goal")
            try await expect(.invalidArgument, from: "a goal without a name") {
                try await retrying { _ = try await prober.call(goals, probe, timeout: .milliseconds(300)) }
            }
            return try await body()
        }
    }
}
