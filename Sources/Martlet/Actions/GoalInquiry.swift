/// A client's questions about one goal, and how long it puts up with silence.
///
/// Asking often enough is what makes everything end: a status message may be lost, a server may die and say nothing.
struct GoalInquiry<Output: Codable & Sendable>: Sendable {
    /// What the server says.
    enum Answer: Sendable {
        /// It goes on; or it has succeeded, and the result is not there yet.
        case live(GoalStatus)
        case ended(GoalOutcome<Output>)
    }

    let connection: any Connection
    let names: ActionNames
    let id: GoalID
    /// How long the server may be silent.
    let timeout: Duration
    /// Within what time the server wants to be asked, as far as it is known.
    private(set) var lease: Duration?
    private(set) var nextAsk: Duration
    private var lastAnswer: Duration

    /// - Parameter asksAtOnce: whether the first question is due now, or after an interval.
    init(
        _ id: GoalID,
        of names: ActionNames,
        on connection: any Connection,
        timeout: Duration,
        lease: Duration?,
        asksAtOnce: Bool
    ) {
        self.connection = connection
        self.names = names
        self.id = id
        self.timeout = timeout
        self.lease = lease
        let now = connection.runtime.timers.now
        lastAnswer = now
        nextAsk = asksAtOnce ? now : now + ActionTiming.interval(lease: lease)
    }

    var timers: Timers { connection.runtime.timers }

    /// Has the server's silence count from now.
    mutating func begin() {
        lastAnswer = timers.now
    }

    /// Asks the server once.
    ///
    /// - Throws: ``MessagingError/Code/unknownGoal``, and what a call throws.
    mutating func ask(timeout: Duration) async throws -> Answer {
        let codecs = connection.runtime.codecs
        var request = try codecs.message(GoalRequest(id))
        request.headers.goalID = id
        let message = try await connection.call(names.getResult, request, timeout: timeout)
        let reply: GetResultReply<Output> = try connection.runtime.decode(message, from: names.getResult.text)
        lease = message.headers.goalLease ?? lease
        let error = message.headers.goalError
        switch reply.status {
        case nil:
            throw MessagingError.unknownGoal(id, of: names.action)
        case .accepted, .executing, .canceling:
            return .live(reply.status ?? .accepted)
        case .succeeded where reply.lacksResult:
            return .live(.succeeded)
        case .succeeded:
            guard let result = reply.result else { throw MessagingError.unknownGoal(id, of: names.action) }
            return .ended(.succeeded(result))
        case .canceled:
            return .ended(.canceled(reply.result, error ?? .canceledGoal(id)))
        case .aborted:
            return .ended(.aborted(error ?? .abortedGoal(id, reply.error)))
        }
    }

    /// Asks the server, within a part of the timeout so that a question that is lost can be asked again.
    ///
    /// - Returns: `nil` if it did not answer, but may yet.
    /// - Throws: once it has been silent for the timeout, the reason.
    mutating func askPatiently() async throws -> Answer? {
        defer { nextAsk = timers.now + ActionTiming.interval(lease: lease) }
        do {
            let answer = try await ask(timeout: timeout / 4)
            lastAnswer = timers.now
            return answer
        } catch let error as MessagingError where error.isRetriable && timers.now - lastAnswer < timeout {
            return nil
        }
    }
}

extension MessagingError {
    static func canceledGoal(_ id: GoalID) -> MessagingError {
        MessagingError(.cancelled, "goal \(quoted(id.text)) was canceled")
    }

    static func abortedGoal(_ id: GoalID, _ text: String = "") -> MessagingError {
        let reason = text.isEmpty ? "its server gave no reason" : text
        return MessagingError(.goalAborted, "goal \(quoted(id.text)) was aborted: \(reason)")
    }
}
