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

    /// What came back, and within what time the server wants to be asked again, if it says so.
    private struct Reply: Sendable {
        let answer: Answer
        let lease: Duration?
        /// Whether it is about the goal's end, from a server that may say so before it has the result.
        let isProvisional: Bool

        init(_ answer: Answer, to message: Message) {
            self.answer = answer
            lease = message.headers.goalLease
            if case .ended = answer { isProvisional = message.headers.goalID == nil } else { isProvisional = false }
        }
    }

    let connection: any Connection
    let names: ActionNames
    let id: GoalID
    /// How long the server may be silent.
    let timeout: Duration
    /// Within what time the server wants to be asked, as far as it is known.
    private(set) var lease: Duration?
    private(set) var nextAsk: Duration

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
        nextAsk = asksAtOnce ? now : now + ActionTiming.interval(lease: lease)
    }

    var timers: Timers { connection.runtime.timers }

    /// Asks the server, and waits for as long as it may be silent. The question is asked again meanwhile, since one may
    /// be lost; the earlier ones still count, since the way there and back may be long. A time in which this process did not
    /// run is not the server's silence.
    ///
    /// - Throws: ``MessagingError/Code/unknownGoal``; once the server has been silent for the timeout, the reason.
    mutating func askPatiently() async throws -> Answer {
        defer { nextAsk = timers.now + ActionTiming.interval(lease: lease) }
        var reply = try await firstReply()
        // commlib-py's server says that a goal is over, and then stores its result: who asks in between gets the defaults of
        // the result's type. Once more is late enough, and costs a call at the end of a goal. Should that have no answer, the
        // first one counts.
        if reply.isProvisional {
            do { reply = try await self.reply(within: min(timeout, ActionTiming.interval)) } catch is MessagingError {}
        }
        lease = reply.lease ?? lease
        return reply.answer
    }

    private func firstReply() async throws -> Reply {
        try await withThrowingTaskGroup(of: Reply?.self) { group in
            defer { group.cancelAll() }
            var lastError: any Error = MessagingError.offline
            var end = timers.now + timeout
            var asksAgainAt = timers.now
            var isTimeToAsk = true
            while true {
                let left = end - timers.now
                if isTimeToAsk, left > .zero {
                    isTimeToAsk = false
                    let pause = min(timeout / 4, left)
                    asksAgainAt = timers.now + pause
                    group.addTask { try await reply(within: left) }
                    group.addTask {
                        try await timers.sleep(for: pause)
                        return nil
                    }
                }
                switch await group.nextResult() {
                case .success(let reply?): return reply
                case .success(nil):
                    isTimeToAsk = true
                    // While nothing was done here the server's answers may have come, and nobody has read them.
                    if timers.delay(since: asksAgainAt) > timeout / 4 { end = timers.now + timeout }
                case .failure(let error as MessagingError) where error.isRetriable: lastError = error
                case .failure(let error): throw error
                case nil: throw lastError
                }
            }
        }
    }

    /// Asks the server once.
    ///
    /// - Throws: ``MessagingError/Code/unknownGoal``, and what a call throws.
    mutating func ask() async throws -> Answer {
        let reply = try await reply(within: timeout)
        lease = reply.lease ?? lease
        return reply.answer
    }

    private func reply(within timeout: Duration) async throws -> Reply {
        let codecs = connection.runtime.codecs
        var request = try codecs.message(GoalRequest(id))
        request.headers.goalID = id
        let message = try await connection.call(names.getResult, request, timeout: timeout)
        let reply: GetResultReply<Output> = try connection.runtime.decode(message, from: names.getResult.text)
        let error = message.headers.goalError
        switch reply.status {
        case nil:
            throw MessagingError.unknownGoal(id, of: names.action)
        case .accepted, .executing, .canceling:
            return Reply(.live(reply.status ?? .accepted), to: message)
        case .succeeded where reply.lacksResult:
            return Reply(.live(.succeeded), to: message)
        case .succeeded:
            guard let result = reply.result else { throw MessagingError.unknownGoal(id, of: names.action) }
            return Reply(.ended(.succeeded(result)), to: message)
        case .canceled:
            return Reply(.ended(.canceled(reply.result, error ?? .canceledGoal(id))), to: message)
        case .aborted:
            return Reply(.ended(.aborted(error ?? .abortedGoal(id, reply.error))), to: message)
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
