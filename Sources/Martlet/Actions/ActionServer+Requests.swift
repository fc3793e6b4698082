extension ActionServer {
    /// A client sends a goal.
    func sendGoal(_ request: Message) throws -> Message {
        let id = request.headers.goalID ?? .random(from: runtime.random)
        do {
            try id.validate()
            let body: SendGoalRequest<Goal> = try runtime.decode(request, from: names.sendGoal.text)
            let refusal = update { core, now in
                core.send(
                    id,
                    body.goal,
                    acceptBy: request.headers.goalAcceptBy,
                    deadline: request.headers.goalDeadline,
                    now: now
                )
            }
            if let refusal { throw refusal }
            return try about(id, SendGoalReply(accepted: id))
        } catch let error as MessagingError {
            return try refusing(error, SendGoalReply(rejected: error))
        }
    }

    /// A client wants a goal cancelled. It is answered when the handler has been told, not when it has returned.
    func cancelGoal(_ request: Message) throws -> Message {
        do {
            let id = try goalID(of: request, at: names.cancelGoal)
            try id.validate()
            let refusal = update { core, now in core.cancel(id, now: now) }
            // That a goal can't be cancelled is an answer, not an error.
            return try about(id, CancelGoalReply(error: refusal?.message))
        } catch let error as MessagingError {
            return try refusing(error, CancelGoalReply(error: error.message))
        }
    }

    /// A client asks how a goal stands.
    func getResult(_ request: Message) throws -> Message {
        do {
            let id = try goalID(of: request, at: names.getResult)
            switch update({ core, now in core.ask(id, now: now) }) {
            case .unknown:
                let error = MessagingError.unknownGoal(id, of: names.action)
                return try about(id, GetResultReply<Output>(status: nil, error: error.message))
            case .live(let status):
                return try about(id, GetResultReply<Output>(status: status))
            case .ended(let end):
                let output = end.output.flatMap { $0 as? Output }
                var reply = try about(
                    id,
                    GetResultReply(status: end.status, result: output, error: end.error?.message ?? "")
                )
                reply.headers.goalError = end.error
                return reply
            }
        } catch let error as MessagingError {
            return try refusing(error, GetResultReply<Output>(status: nil, error: error.message))
        }
    }

    private func goalID(of request: Message, at name: QueueName) throws -> GoalID {
        let body: GoalRequest = try runtime.decode(request, from: name.text)
        return GoalID(body.goalID)
    }

    private func about(_ id: GoalID, _ body: some Codable) throws -> Message {
        var reply = try runtime.codecs.message(body)
        reply.headers.goalID = id
        reply.headers.goalLease = options.lostClient.lease
        return reply
    }

    /// An error, for peers that read the headers, in a body for those that don't.
    private func refusing(_ error: MessagingError, _ body: some Codable) throws -> Message {
        var reply = try runtime.codecs.message(body)
        reply.headers.set(error.code, error.message)
        return reply
    }
}
