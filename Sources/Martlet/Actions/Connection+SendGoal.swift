extension Connection {
    /// Sends a goal to the server of an action, and returns when it has been taken on.
    ///
    /// It listens before it sends, so that nothing of what the goal reports is missed, however fast it is. If it
    /// throws, the goal does not run as far as that can be brought about: when it is not known whether the server has
    /// the goal (cancellation, a timeout, a lost link) a cancellation is sent after it.
    ///
    /// - Parameters:
    ///   - goal: what is to be reached.
    ///   - action: the action, by whose name the server is found.
    ///   - acceptBy: within what time the goal has to begin; after it a goal that still waits for its turn is aborted
    ///     as ``MessagingError/Code/timeout``. `nil`: it may wait for ever.
    ///   - deadline: within what time the goal has to end, from its arrival at the server; then its handler is
    ///     cancelled and it is aborted as ``MessagingError/Code/timeout``. `nil`: it may take for ever.
    ///   - timeout: how long to wait for the server to take the goal on, counted from this call; and later, how long the
    ///     server may be silent before it counts as gone.
    /// - Throws: ``MessagingError/Code/goalRejected`` with the server's reason; ``MessagingError/Code/noResponder`` at
    ///   once where the broker can tell (on MQTT it can if it speaks version 5 and nobody else listens to all of the action's
    ///   topics); ``MessagingError/Code/timeout``; ``MessagingError/Code/shuttingDown``;
    ///   ``MessagingError/Code/decodingFailed`` if the server can't read the goal; `CancellationError`.
    public nonisolated func send<Goal, Feedback, Result>(
        _ goal: Goal,
        to action: Action<Goal, Feedback, Result>,
        acceptBy: Duration? = nil,
        deadline: Duration? = nil,
        timeout: Duration = .seconds(10)
    ) async throws -> GoalHandle<Feedback, Result> {
        let names = action.names
        try runtime.names.check(names.action, ending: ActionNames.longestEnding)
        for (name, duration) in [("acceptBy", acceptBy), ("deadline", deadline), ("timeout", timeout)] {
            guard let duration, duration <= .zero else { continue }
            throw MessagingError(
                .invalidArgument,
                "the \(name) of a goal of \(action.name) is \(duration); it must be positive"
            )
        }
        let start = runtime.timers.now
        let subscription = try await listen(to: names, within: timeout)
        let id = GoalID.random(from: runtime.random)
        var request = try runtime.codecs.message(SendGoalRequest(goal))
        request.headers.goalID = id
        request.headers.goalAcceptBy = acceptBy
        request.headers.goalDeadline = deadline
        do {
            let message = try await exchange(request, at: names.sendGoal, timeout: timeout, since: start)
            if let error = MessagingError(message.headers) { throw error }
            let reply: SendGoalReply = try runtime.decode(message, from: names.sendGoal.text)
            guard reply.status == 1 else {
                throw MessagingError(.goalRejected, "action \(action.name) rejected the goal: \(reply.error)")
            }
            return GoalHandle(
                // A foreign server does not read the header and makes an ID of its own.
                reply.goalID.isEmpty ? id : GoalID(reply.goalID),
                of: names,
                on: self,
                heard: subscription,
                timeout: timeout,
                lease: message.headers.goalLease,
                asksAtOnce: false
            )
        } catch {
            let code = (error as? MessagingError)?.code
            if code != .goalRejected, code != .noResponder { postGoalCancellation(of: id, names) }
            throw error
        }
    }

    /// A goal that was sent by someone else, or before this program was started.
    ///
    /// The server is not asked yet whether it knows the goal: what is first asked of the handle tells.
    ///
    /// - Parameters:
    ///   - id: the goal's ID, as its sender has it.
    ///   - action: the action that it is a goal of.
    ///   - timeout: how long the server may be silent before it counts as gone.
    /// - Throws: ``MessagingError/Code/invalidArgument``; what ``subscribe(to:options:)-(TopicPattern,_)`` throws.
    public nonisolated func goal<Goal, Feedback, Result>(
        _ id: GoalID,
        of action: Action<Goal, Feedback, Result>,
        timeout: Duration = .seconds(10)
    ) async throws -> GoalHandle<Feedback, Result> {
        let names = action.names
        try runtime.names.check(names.action, ending: ActionNames.longestEnding)
        try id.validate()
        guard timeout > .zero else {
            throw MessagingError(.invalidArgument, "the timeout of goal \(id) is \(timeout); it must be positive")
        }
        let subscription = try await listen(to: names, within: timeout)
        return GoalHandle(
            id,
            of: names,
            on: self,
            heard: subscription,
            timeout: timeout,
            lease: nil,
            asksAtOnce: true
        )
    }

    private nonisolated func listen(to names: ActionNames, within limit: Duration) async throws -> Subscription {
        let late = MessagingError(.timeout, "\(names.action) could not be listened to within \(limit)")
        return try await runtime.run(within: limit, or: late) {
            var options = SubscribeOptions.passing()
            options.reads = [names.status, names.feedback]
            return try await self.subscribe(to: names.topics, options: options)
        }
    }

    /// Cancels a goal of which it is not known whether it exists. Does not suspend; nobody waits for the reply, which
    /// counts as late.
    private nonisolated func postGoalCancellation(of id: GoalID, _ names: ActionNames) {
        runtime.courier.post { [weak self] in
            guard let self else { return }
            var request = try cancelRequest(id)
            let correlation = CallTable.makeID(runtime.random)
            request.headers.correlationID = correlation
            let replyAddress = try await runtime.replyAddress(on: self, within: .seconds(10))
            defer { replyAddress.release(correlation) }
            request.headers.replyTo = replyAddress.address(for: correlation, askedAt: names.cancelGoal)
            try await send(
                request,
                to: names.cancelGoal,
                options: runtime.requestOptions(.seconds(10), capabilities)
            )
        }
    }
}
