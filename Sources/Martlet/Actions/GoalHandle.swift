/// A goal as its client sees it: what becomes of it can be followed, awaited and cancelled.
///
/// It runs nothing by itself. Dropping it leaves the goal as it is, unless its server has a
/// ``LostClientPolicy/cancel(after:)``.
public struct GoalHandle<Feedback: Codable & Sendable, Result: Codable & Sendable>: Sendable {
    /// Which goal it is.
    public let id: GoalID
    /// How the goal goes on, from the time before it was sent, or from the time this handle was made. It has one
    /// reader at a time.
    public let feedback: GoalFeedback<Feedback>
    let connection: any Connection
    let names: ActionNames
    /// How long the server may be silent before it counts as gone.
    let timeout: Duration
    let lease: Duration?

    init(
        _ id: GoalID,
        of names: ActionNames,
        on connection: any Connection,
        heard subscription: Subscription,
        timeout: Duration,
        lease: Duration?,
        asksAtOnce: Bool
    ) {
        self.id = id
        self.names = names
        self.connection = connection
        self.timeout = timeout
        self.lease = lease
        feedback = GoalFeedback(
            subscription: subscription,
            inquiry: GoalInquiry(
                id,
                of: names,
                on: connection,
                timeout: timeout,
                lease: lease,
                asksAtOnce: asksAtOnce
            )
        )
    }

    /// Asks the server how the goal stands.
    ///
    /// - Throws: ``MessagingError/Code/unknownGoal`` if the server does not know it, or no longer;
    ///   ``MessagingError/Code/noResponder``, ``MessagingError/Code/timeout`` and what else a call throws.
    public func status() async throws -> GoalStatus {
        var inquiry = inquiry()
        switch try await inquiry.ask() {
        case .live(let status): return status
        case .ended(let outcome): return outcome.status
        }
    }

    /// Cancels the goal. Returns when the server has told the handler, which may take its time to stop; await
    /// ``result`` or ``outcome`` for that.
    ///
    /// - Returns: whether the goal is being cancelled. `false`: it has ended before, or the server does not know it;
    ///   should it arrive later, it does not run.
    /// - Throws: ``MessagingError/Code/noResponder``, ``MessagingError/Code/timeout`` and what else a call throws.
    @discardableResult
    public func cancel() async throws -> Bool {
        try await cancel(timeout: timeout)
    }

    func cancel(timeout: Duration) async throws -> Bool {
        let message = try await connection.call(names.cancelGoal, connection.cancelRequest(id), timeout: timeout)
        let reply: CancelGoalReply = try connection.runtime.decode(message, from: names.cancelGoal.text)
        return reply.status == 1
    }

    func inquiry() -> GoalInquiry<Result> {
        GoalInquiry(id, of: names, on: connection, timeout: timeout, lease: lease, asksAtOnce: true)
    }
}

extension Connection {
    nonisolated func cancelRequest(_ id: GoalID) throws -> Message {
        var request = try runtime.codecs.message(GoalRequest(id, timestamp: WallClock.nanoseconds))
        request.headers.goalID = id
        return request
    }
}
