extension GoalHandle {
    /// What the goal's handler returned, once it has.
    ///
    /// Cancelling the task that waits cancels the goal: `CancellationError` is thrown when the server has been told, or
    /// could not be within 2 s.
    ///
    /// - Throws: if the goal was canceled, ``MessagingError/Code/cancelled`` or ``MessagingError/Code/shuttingDown``.
    ///   If it was aborted, what its handler threw, with its code and text, or ``MessagingError/Code/timeout``,
    ///   ``MessagingError/Code/handlerUnresponsive``, ``MessagingError/Code/goalAborted``; ``outcome`` tells these from
    ///   errors of the way there. If the server does not know it, ``MessagingError/Code/unknownGoal``. If the server
    ///   does not answer for the timeout that the goal was sent with, ``MessagingError/Code/noResponder`` or
    ///   ``MessagingError/Code/timeout``; the goal may go on, and it may be asked again.
    public var result: Result {
        get async throws {
            switch try await outcome {
            case .succeeded(let result): return result
            case .canceled(_, let error), .aborted(let error): throw error
            }
        }
    }

    /// How the goal ended, once it has. Cancelling the task that waits cancels the goal, as with ``result``.
    ///
    /// - Throws: as ``result``, but not for a goal that ended without success.
    public var outcome: GoalOutcome<Result> {
        get async throws {
            try await cancellingGoal { try await end() }
        }
    }

    /// What the goal's handler returned, once it has, with feedback on the way. Cancelling the task cancels the goal,
    /// as with ``result``.
    ///
    /// - Parameter report: called with each feedback. If it throws, the goal is left as it is.
    /// - Throws: as ``result``, and what `report` throws.
    public func result(reporting report: (Feedback) async throws -> Void) async throws -> Result {
        try await cancellingGoal {
            for try await feedback in feedback { try await report(feedback) }
        }
        return try await result
    }

    /// Cancels the goal if this task is cancelled meanwhile.
    private func cancellingGoal<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch is CancellationError where Task.isCancelled {
            await shielded { _ = try? await cancel(timeout: min(timeout, .seconds(2))) }
            throw CancellationError()
        }
    }

    private func end() async throws -> GoalOutcome<Result> {
        // Before the first question, so that an end between the answer and the wait is heard.
        let statuses = try await connection.subscribe(
            to: TopicPattern(names.status),
            options: .passing()
        )
        var inquiry = inquiry()
        var heard: GoalStatus?
        var contradictions = 0
        while true {
            do {
                switch try await inquiry.askPatiently() {
                case .ended(let outcome):
                    return outcome
                case .live(let status):
                    guard let end = heard ?? (status.isTerminal ? status : nil) else { break }
                    contradictions += 1
                    if contradictions >= Self.toleratedContradictions { return contradicted(end) }
                }
            } catch let error as MessagingError {
                // The server has said that it is over, and is gone before it could say why.
                switch heard ?? end(in: statuses) {
                case .canceled: return .canceled(nil, .canceledGoal(id))
                case .aborted: return .aborted(.abortedGoal(id))
                default: throw error
                }
            }
            heard = try await waitForEnd(statuses, until: inquiry.nextAsk) ?? heard
        }
    }

    /// The terminal status, if it has been published.
    private func end(in statuses: Subscription) -> GoalStatus? {
        while let delivery = statuses.nextIfReady() {
            if let status = connection.runtime.status(of: id, in: delivery), status.isTerminal { return status }
        }
        return nil
    }

    /// How often a server may say that a goal goes on, or has no result yet, which it has said to be over. That of
    /// commlib-py does so for a moment at each end, and for ever where a handler was faster than its reply to the goal.
    private static var toleratedContradictions: Int { 3 }

    /// What became of a goal whose server does not say what became of it.
    private func contradicted(_ status: GoalStatus) -> GoalOutcome<Result> {
        status == .canceled
            ? .canceled(nil, .canceledGoal(id))
            : .aborted(.abortedGoal(id, "its server says that it is \(status), and has no result"))
    }

    /// The terminal status, if it is published by a time.
    private func waitForEnd(_ statuses: Subscription, until time: Duration) async throws -> GoalStatus? {
        while true {
            switch try await statuses.next(until: time, connection.runtime.timers) {
            case .delivery(let delivery):
                let status = connection.runtime.status(of: id, in: delivery)
                if let status, status.isTerminal { return status }
            case .nothing:
                return nil
            case .end:
                throw MessagingError.closed
            }
        }
    }
}

extension ConnectionRuntime {
    /// What a status message says of a goal; `nil` if it is about another. One that can't be read is counted.
    func status(of id: GoalID, in delivery: Delivery) -> GoalStatus? {
        if let other = delivery.message.headers.goalID, other != id { return nil }
        guard let body: StatusMessage = try? decode(delivery.message, from: delivery.topic.text) else { return nil }
        return GoalID(body.goalID) == id ? GoalStatus(rawValue: body.status) : nil
    }
}
