extension Connection {
    /// Calls a remote procedure that answers with a stream of elements.
    ///
    /// ```swift
    /// for try await row in try await connection.stream(rows, query) { … }
    /// ```
    ///
    /// - Parameters:
    ///   - rpc: the procedure, by whose name a responder is found.
    ///   - request: what it is asked.
    ///   - timeout: how long to wait for each element. A reader that is slow itself is not timed.
    ///   - window: how many elements the responder may be ahead of the reader.
    /// - Throws: ``MessagingError/Code/noResponder`` at once where the broker can tell; later errors end the stream.
    public nonisolated func stream<Request, Element>(
        _ rpc: StreamingRPC<Request, Element>,
        _ request: Request,
        timeout: Duration = .seconds(10),
        window: Int = 64
    ) async throws -> ResponseStream<Element> {
        let message = try runtime.codecs.message(request)
        let lifetime = try await openStream(rpc.name, message, timeout: timeout, window: window)
        return ResponseStream(lifetime: lifetime, codecs: runtime.codecs)
    }

    /// Calls a remote procedure that answers with a stream, and hands each element on as it came.
    package nonisolated func forEachElement(
        of name: QueueName,
        _ request: Message,
        timeout: Duration,
        window: Int = 64,
        _ body: (Message) async throws -> Void
    ) async throws {
        let stream = try await openStream(name, request, timeout: timeout, window: window)
        while let element = try await stream.receiver.next() { try await body(element) }
    }

    /// Asks for a stream of messages; it is ended when nobody holds what is returned any more.
    nonisolated func openStream(
        _ name: QueueName,
        _ request: Message,
        timeout: Duration,
        window: Int
    ) async throws -> StreamLifetime {
        let timeout = try runtime.effectiveTimeout(timeout, for: name)
        guard (1...1_000_000).contains(window) else {
            throw MessagingError(.invalidArgument, "the window of \(name) is \(window); it must be from 1 to 1,000,000")
        }
        let runtime = runtime
        let end = runtime.timers.now + timeout
        let receiver = StreamReceiver(
            window: window,
            maximumBytes: runtime.options.maximumWaitingBytes,
            timeout: timeout,
            timers: runtime.timers
        ) { [weak self] credit, control in
            runtime.courier.post { [weak self] in
                let headers: Headers = [
                    Headers.Standard.correlationID: .string(control.id),
                    Headers.Standard.credit: .integer(Int64(credit)),
                ]
                try await self?.reply(Message(headers: headers), to: control.address)
            }
        }
        let (id, address, release) = try await register(receiver, from: name, within: timeout)
        let stream = StreamLifetime(receiver: receiver) { [weak self] early in
            release()
            if early { self?.postCancellation(of: id, at: name) }
        }
        var message = request
        message.headers.correlationID = id
        message.headers.replyTo = address
        message.headers.timeout = timeout
        message.headers[Headers.Standard.credit] = .integer(Int64(window))
        let left = max(end - runtime.timers.now, .milliseconds(1))
        try await send(message, to: name, options: runtime.requestOptions(left, capabilities))
        receiver.start()
        return stream
    }

    /// Answers calls of a remote procedure with streams, until the same end as other responders.
    ///
    /// The handler writes elements and returns to end the stream. ``ResponseWriter/write(_:)`` suspends while the
    /// reader is slow; the handler's task is cancelled when the reader leaves or is not heard of any more, for
    /// ``RespondOptions/readerPatience`` at most.
    public nonisolated func respond<Request, Element>(
        to rpc: StreamingRPC<Request, Element>,
        options: RespondOptions = RespondOptions(),
        onReady: @escaping @Sendable () -> Void = {},
        handler: @escaping @Sendable (Request, ResponseWriter<Element>) async throws -> Void
    ) async throws {
        let runtime = runtime
        try await serve(rpc.name, options: options, deadline: .element, onReady: onReady) { request in
            let value: Request = try runtime.decode(request.message, from: rpc.name.text)
            let window = request.message.headers.integer(Headers.Standard.credit) ?? 1
            let gate = CreditGate(allowed: window, timers: runtime.timers)
            let frames = FrameWriter(request, gate: gate)
            let patience = options.patience(with: request.message.headers.timeout)
            return try await self.withReplies(to: gate, from: nil, within: patience) { id, address in
                try await frames.open(StreamControl(address: address, id: id))
                do {
                    try await gate.whileHeard(within: patience) {
                        try await handler(value, ResponseWriter(frames: frames, codecs: runtime.codecs))
                    }
                    return frames.last(nil)
                } catch {
                    return frames.last(error)
                }
            }
        }
    }
}
