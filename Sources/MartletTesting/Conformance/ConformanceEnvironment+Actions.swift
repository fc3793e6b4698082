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
        try await withReadyServer { onReady in
            try await connection.perform(action, options: options, onReady: onReady, handler: handler)
        } untilDone: {
            try await body()
        }
    }
}
