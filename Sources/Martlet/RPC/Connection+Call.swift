extension Connection {
    /// Calls a remote procedure and returns its response.
    ///
    /// Many calls may be in flight on one connection. Inside a handler a call waits no longer than the handler's
    /// own caller does. Cancelling the task tells the responder, whose handler is cancelled in turn.
    ///
    /// - Parameters:
    ///   - rpc: the procedure, by whose name a responder is found.
    ///   - request: what it is asked.
    ///   - timeout: how long to wait for the response, counted from this call: getting an address for the reply and
    ///     sending the request are part of it. It travels with the request: the responder stops working on it then.
    /// - Throws: what the handler threw, with its code and text; ``MessagingError/Code/noResponder`` at once where
    ///   the broker can tell; ``MessagingError/Code/timeout``; ``MessagingError/Code/connectionLost`` if the link
    ///   went while waiting, so that the request may or may not have been handled; `CancellationError`.
    public nonisolated func call<Request, Response>(
        _ rpc: RPC<Request, Response>,
        _ request: Request,
        timeout: Duration = .seconds(10)
    ) async throws -> Response {
        let reply = try await call(rpc.name, runtime.codecs.message(request), timeout: timeout)
        return try runtime.codecs.value(of: reply)
    }

    /// Calls a remote procedure with a message and returns the reply's message; otherwise as the typed form.
    public nonisolated func call(
        _ name: QueueName,
        _ request: Message,
        timeout: Duration = .seconds(10)
    ) async throws -> Message {
        let reply = try await exchange(request, at: name, timeout: timeout)
        if let error = MessagingError(reply.headers) { throw error }
        return reply
    }

    /// Calls a remote procedure and returns its reply's message, also if that carries an error.
    ///
    /// - Parameter start: when the time began to run; `nil`: now.
    nonisolated func exchange(
        _ request: Message,
        at name: QueueName,
        timeout: Duration,
        since start: Duration? = nil
    ) async throws -> Message {
        let timeout = try runtime.effectiveTimeout(timeout, for: name)
        let end = (start ?? runtime.timers.now) + timeout
        let call = PendingCall(countLate: { [calls = runtime.calls] in calls.countLate() })
        return try await withReplies(to: call, from: name, within: end - runtime.timers.now) { id, address in
            let timer = runtime.timers.schedule(at: end) {
                call.fail(MessagingError(.timeout, "no reply from \(name) within \(timeout)"))
            }
            defer { runtime.timers.cancel(timer) }
            var message = request
            message.headers.correlationID = id
            message.headers.replyTo = address
            message.headers.timeout = timeout
            do {
                // The reply says more than the broker's word on the request, which counts only if it is bad.
                let left = max(end - runtime.timers.now, .milliseconds(1))
                // The broker keeps it as long as a responder may work on it, unless the address took a part of the time.
                let isEarly = left > timeout * 9 / 10
                let options = runtime.requestOptions(isEarly ? timeout : left, capabilities)
                let sending = try await beginRequest(message, to: name, options: options)
                let withdraw = try await sending.tellFailure { call.fail($0) }
                defer { withdraw() }
                return try await call.reply()
            } catch is CancellationError {
                postCancellation(of: id, at: name)
                throw CancellationError()
            }
        }
    }

    /// Runs `body` while replies with a new correlation ID go to a receiver.
    ///
    /// - Parameters:
    ///   - queue: whose responders are asked; `nil`: nobody is, and only what has the ID counts.
    ///   - limit: how long to wait for an address that they can come to.
    nonisolated func withReplies<Result>(
        to receiver: any ReplyReceiver,
        from queue: QueueName?,
        within limit: Duration,
        _ body: (_ id: String, _ address: String) async throws -> Result
    ) async throws -> Result {
        let (id, address, release) = try await register(receiver, from: queue, within: limit)
        defer { release() }
        return try await body(id, address)
    }

    /// Has replies with a new correlation ID go to a receiver, until `release` is called.
    nonisolated func register(
        _ receiver: any ReplyReceiver,
        from queue: QueueName?,
        within limit: Duration
    ) async throws -> (id: String, address: String, release: @Sendable () -> Void) {
        let replyAddress = try await runtime.replyAddress(on: self, within: limit)
        let id = CallTable.makeID(runtime.random)
        let address = replyAddress.address(for: id, askedAt: queue)
        let release: @Sendable () -> Void = { [calls = runtime.calls] in
            calls.remove(id: id)
            replyAddress.release(id)
        }
        do {
            try runtime.calls.register(receiver, id: id, address: address, isOwn: replyAddress.isOwn && queue != nil)
        } catch {
            release()
            throw error
        }
        return (id, address, release)
    }

    /// Tells the responders of a queue that nobody waits for a call any more. Does not suspend.
    nonisolated func postCancellation(of id: String, at name: QueueName) {
        runtime.courier.post { [weak self] in
            try await self?.publish(
                Message(headers: [Headers.Standard.correlationID: .string(id)]),
                to: name.cancellationTopic
            )
        }
    }
}

extension ConnectionRuntime {
    /// A call's timeout, not longer than what is left to the request it is made for.
    func effectiveTimeout(_ timeout: Duration, for name: QueueName) throws -> Duration {
        try names.check(name, ending: QueueName.cancellationSegment)
        guard timeout > .zero else {
            throw MessagingError(
                .invalidArgument,
                "the timeout of a call to \(name) is \(timeout); it must be positive"
            )
        }
        let timeout = timeout.capped
        guard let timeLeft = RequestContext.current?.timeLeft else { return timeout }
        guard timeLeft > .zero else {
            throw MessagingError(.timeout, "the caller of this handler waits no longer, so \(name) was not called")
        }
        return min(timeout, timeLeft)
    }

    func requestOptions(_ timeout: Duration, _ capabilities: Capabilities) -> SendOptions {
        SendOptions(
            guarantee: .atMostOnce,
            expiry: timeout,
            requiresConsumer: capabilities.contains(.responderDetection)
        )
    }
}
