import ServiceLifecycle

extension Connection {
    /// Runs the goals of an action until the task is cancelled, the connection closes, or, inside a service group,
    /// shutdown begins.
    ///
    /// ```swift
    /// try await connection.perform(move, options: ActionOptions(policy: .preemptLatest)) { goal in
    ///     for centimetre in 0..<goal.value.target {
    ///         try await step()                                  // throws once the goal is cancelled
    ///         goal.report(MoveFeedback(current: centimetre))
    ///     }
    ///     return MoveResult(reached: goal.value.target)
    /// }
    /// ```
    ///
    /// The handler runs in a task of its own for each goal; the goal's cancellation, its deadline and its client's death
    /// cancel that task. How the handler ends is how the goal ends:
    ///
    /// | handler | goal not cancelled | cancelled | past its deadline |
    /// |---|---|---|---|
    /// | returns | succeeded | canceled, with the result | aborted, ``MessagingError/Code/timeout`` |
    /// | throws `CancellationError` | aborted | canceled | aborted, ``MessagingError/Code/timeout`` |
    /// | throws something else | aborted, with its code and text | aborted, with its code and text | aborted, ``MessagingError/Code/timeout`` |
    /// | does none of it within the grace period | | aborted, ``MessagingError/Code/handlerUnresponsive`` | the same |
    ///
    /// One server performs an action of a name: a second one would be asked about goals that only the first knows.
    ///
    /// When shutdown begins goals at work may finish, and those that wait for their turn are canceled. When the task is
    /// cancelled, or the connection closes, all are, as ``MessagingError/Code/shuttingDown``. In any case it returns
    /// after every handler has returned and the goals' ends have been published, and it answers for up to 2 s more if
    /// somebody who asked about a goal before has not heard of its end.
    ///
    /// - Parameters:
    ///   - action: the action, whose name clients send goals to.
    ///   - options: what becomes of a goal while others are at work, and the time limits; by default a goal is refused while
    ///     another one is at work.
    ///   - onReady: called once, when clients find the server; a goal sent earlier may find none.
    ///   - handler: reaches one goal.
    /// - Throws: ``MessagingError`` if the name or an option is not valid or the connection fails for good;
    ///   `CancellationError`.
    public nonisolated func perform<Goal, Feedback, Result>(
        _ action: Action<Goal, Feedback, Result>,
        options: ActionOptions = ActionOptions(),
        onReady: @escaping @Sendable () -> Void = {},
        handler: @escaping @Sendable (GoalContext<Goal, Feedback>) async throws -> Result
    ) async throws {
        let names = action.names
        try runtime.names.check(names.action, ending: ActionNames.longestEnding)
        try options.validate(for: names.action)
        let server = ActionServer(names, options, on: self, handler: handler)
        // All three are open before the first goal is answered: its client may ask for the result at once.
        var others: [RequestLoop] = []
        others.append(try await open(names.getResult) { try server.getResult($0.message) })
        others.append(try await open(names.cancelGoal) { try server.cancelGoal($0.message) })
        let goals = try await open(names.sendGoal) { try server.sendGoal($0.message) }
        onReady()
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                // After a cancellation, too, handlers are waited for and their goals' ends published.
                try await shielded { [others] in try await server.run(goals: goals, others: others) }
            } onGracefulShutdown: {
                goals.finish()
                server.drain()
            }
        } onCancel: {
            goals.finish()
            server.stop()
        }
        try Task.checkCancellation()
    }

    private nonisolated func open(
        _ name: QueueName,
        _ answer: @escaping @Sendable (IncomingRequest) async throws -> Message
    ) async throws -> RequestLoop {
        try await openRequests(name, options: RespondOptions(), deadline: .answer, handler: answer)
    }
}
