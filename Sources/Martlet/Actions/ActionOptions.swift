/// How an action server treats its goals.
public struct ActionOptions: Sendable, Hashable {
    /// What becomes of a goal that comes while another is at work.
    public var policy: ActionPolicy
    /// How long a handler may take to return once its goal is cancelled. Then the goal is aborted as
    /// ``MessagingError/Code/handlerUnresponsive``; its place stays taken until the handler does return.
    public var gracePeriod: Duration
    /// What becomes of a goal whose client is not heard of.
    public var lostClient: LostClientPolicy
    /// How long a result can be asked for after its goal ended.
    public var resultLifetime: Duration
    /// How many ended goals are remembered at most; the oldest is forgotten first. A goal that is sent twice runs
    /// once as long as it is remembered.
    public var keptResults: Int

    /// Rejects while busy, 5 s of grace, goes on without its client, keeps 1,000 results for 5 minutes, unless told.
    public init(
        policy: ActionPolicy = .rejectIfBusy,
        gracePeriod: Duration = .seconds(5),
        lostClient: LostClientPolicy = .detach,
        resultLifetime: Duration = .seconds(300),
        keptResults: Int = 1_000
    ) {
        self.policy = policy
        self.gracePeriod = gracePeriod
        self.lostClient = lostClient
        self.resultLifetime = resultLifetime
        self.keptResults = keptResults
    }

    func validate(for action: QueueName) throws {
        func check(_ isValid: Bool, _ name: String, _ value: Any, _ rule: String) throws {
            guard !isValid else { return }
            throw MessagingError(.invalidArgument, "the \(name) of action \(action) is \(value); it must be \(rule)")
        }
        switch policy {
        case .rejectIfBusy, .preemptLatest: break
        case .queue(let limit): try check(limit >= 1, "queue's limit", limit, "at least 1")
        case .parallel(let limit): try check(limit >= 1, "parallel limit", limit, "at least 1")
        }
        try check(gracePeriod >= .zero, "grace period", gracePeriod, "zero or more")
        try check(resultLifetime >= .zero, "results' lifetime", resultLifetime, "zero or more")
        try check(keptResults >= 1, "number of kept results", keptResults, "at least 1")
        if let lease = lostClient.lease { try check(lease > .zero, "lost client's time", lease, "positive") }
    }
}
