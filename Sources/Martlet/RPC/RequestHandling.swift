/// How one responder treats each of its requests: runs the handler, replies, acknowledges.
struct RequestHandling: Sendable {
    let connection: any Connection
    let name: QueueName
    let inFlight: RequestsInFlight
    /// What the caller's timeout is for.
    let deadline: RequestDeadline
    let handler: @Sendable (IncomingRequest) async throws -> Message

    /// Has a request answered by a task of its own, which ``inFlight`` owns; more than that it does not wait for.
    ///
    /// - Parameter executor: where the task prefers to run; `nil`: on the global pool.
    func begin(_ delivery: Delivery, on executor: (any TaskExecutor)?) {
        let runtime = connection.runtime
        let headers = delivery.message.headers
        guard let replyTo = headers.replyTo, !replyTo.isEmpty else {
            runtime.count(\.unanswerable, "a request to \(name) has no address for the reply")
            try? delivery.nack(requeue: false)
            return
        }
        let id = headers.correlationID ?? CallTable.makeID(runtime.random)
        guard inFlight.claim(id, replyTo: replyTo, delivery) else { return }
        guard !inFlight.wasCancelled(id) else {
            settle(inFlight.end(id, replyTo: replyTo).duplicates + [delivery])
            return
        }
        let request = IncomingRequest(message: delivery.message, id: id, replyTo: replyTo, connection: connection)
        let deadline = deadline.endsHandler(of: headers) ? headers.timeout.map { runtime.timers.now + $0 } : nil
        let context = RequestContext(
            headers: headers,
            redeliveries: delivery.redeliveries,
            timers: runtime.timers,
            deadline: deadline
        )
        inFlight.taskBegins()
        let work = RequestContext.$inherited.withValue(context) {
            Task(executorPreference: executor) {
                if await !answer(request, delivery, in: context, by: deadline) {
                    // If the link is gone the broker delivers the request again, elsewhere.
                    try? delivery.ack()
                }
                inFlight.taskEnds()
            }
        }
        inFlight.begin(id, replyTo: replyTo) { work.cancel() }
    }

    /// - Returns: whether the request is settled with its reply.
    private func answer(
        _ request: IncomingRequest,
        _ delivery: Delivery,
        in context: RequestContext,
        by deadline: Duration?
    ) async -> Bool {
        let timers = connection.runtime.timers
        let timer = deadline.map { deadline in
            timers.schedule(at: deadline) { inFlight.interrupt(request.id, replyTo: request.replyTo) }
        }
        let result: Result<Message, any Error>
        do {
            result = .success(try await handler(request))
        } catch {
            result = .failure(error)
        }
        // What the handler has left running may go on to call.
        context.end()
        if let timer { timers.cancel(timer) }
        let (isAwaited, duplicates) = inFlight.end(request.id, replyTo: request.replyTo)
        defer { settle(duplicates) }
        guard isAwaited else { return false }
        let reply = reply(for: result, isLate: deadline.map { timers.now >= $0 } ?? false)
        // A handler that was stopped still owes its caller an answer, and sending checks for cancellation.
        guard !Task.isCancelled else { return await shielded { await send(reply, to: request, delivery) } }
        return await send(reply, to: request, delivery)
    }

    /// - Returns: whether the request is settled with it.
    private func send(_ reply: Message, to request: IncomingRequest, _ delivery: Delivery) async -> Bool {
        do {
            try await request.answer(reply, settling: delivery)
            return true
        } catch let error as MessagingError where [.bodyTooLarge, .invalidArgument].contains(error.code) {
            var failure = MessagingError.reply(for: error)
            failure.headers[Headers.Standard.sequence] = reply.headers[Headers.Standard.sequence]
            return (try? await request.answer(failure, settling: delivery)) != nil
        } catch {
            // A caller that has gone needs no answer.
            return false
        }
    }

    private func settle(_ duplicates: [Delivery]) {
        for delivery in duplicates { try? delivery.ack() }
    }

    private func reply(for result: Result<Message, any Error>, isLate: Bool) -> Message {
        switch result {
        case .success(let message):
            return message
        case .failure where isLate:
            return MessagingError.reply(
                for: MessagingError(.timeout, "the handler was stopped at its caller's deadline")
            )
        case .failure(is CancellationError) where inFlight.isStopping:
            return MessagingError.reply(for: MessagingError(.shuttingDown, "the responder of \(name) is shutting down"))
        case .failure(let error):
            return MessagingError.reply(for: error)
        }
    }
}
