/// A goal as its handler sees it.
public struct GoalContext<Goal: Codable & Sendable, Feedback: Codable & Sendable>: Sendable {
    /// What the client wants.
    public let value: Goal
    /// Which goal it is.
    public let id: GoalID
    private let announcer: GoalAnnouncer
    private let runtime: ConnectionRuntime
    private let endsAt: Duration?

    init(value: Goal, id: GoalID, announcer: GoalAnnouncer, runtime: ConnectionRuntime, endsAt: Duration?) {
        self.value = value
        self.id = id
        self.announcer = announcer
        self.runtime = runtime
        self.endsAt = endsAt
    }

    /// Whether the goal was cancelled, or its time is over: the handler is to wind down and return.
    ///
    /// It is the handler's task that is cancelled, so `Task.sleep` and other waits throw `CancellationError` then. Use
    /// `withTaskCancellationHandler` to be told at once.
    public var isCancelled: Bool { Task.isCancelled }

    /// How long the goal may still take; `nil` if its client did not say.
    public var timeLeft: Duration? {
        endsAt.map { max(.zero, $0 - runtime.timers.now) }
    }

    /// Tells whoever follows the goal how it goes on. Never waits: of what is reported faster than it can be
    /// published only the newest is. Once the goal has ended it does nothing.
    public func report(_ feedback: Feedback) {
        let codecs = runtime.codecs
        let goalID = id.text
        announcer.report(id) { try codecs.message(FeedbackMessage(feedback: feedback, goalID: goalID)) }
    }

    /// Tells whoever follows the goal how it goes on, leaving out nothing: it returns when the broker has the
    /// feedback, and no subscriber of this process that asked for ``Overflow/suspend`` is behind. It takes the place of
    /// what was reported before and waits.
    ///
    /// - Throws: ``MessagingError/Code/encodingFailed``; what the connection throws; `CancellationError` once the goal
    ///   is cancelled.
    public func deliver(_ feedback: Feedback) async throws {
        let message = try runtime.codecs.message(FeedbackMessage(feedback: feedback, goalID: id.text))
        try await announcer.deliver(id, message)
    }
}
