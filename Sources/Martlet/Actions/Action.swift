/// A contract: the name of a long-running job that a client can follow and cancel, and its types.
///
/// ```swift
/// let move = Action<MoveGoal, MoveFeedback, MoveResult>("arm.move")
/// let goal = try await connection.send(MoveGoal(target: 5), to: move)
/// for try await feedback in goal.feedback { print(feedback.current) }
/// let result = try await goal.result
/// ```
public struct Action<
    Goal: Codable & Sendable,
    Feedback: Codable & Sendable,
    Result: Codable & Sendable
>: Sendable, Hashable {
    /// What the action's queues and topics are called after: `<name>.send_goal`, `<name>.cancel_goal`,
    /// `<name>.get_result`, `<name>.status`, `<name>.feedback`.
    public let name: QueueName

    /// A contract for the action of this name; the name is checked when it is first used.
    public init(_ name: QueueName) {
        self.name = name
    }

    var names: ActionNames { ActionNames(name) }
}
