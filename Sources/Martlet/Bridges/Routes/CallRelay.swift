/// Answers requests of one broker by asking another one.
///
/// The reply is passed on as it came, an error with its code and text as well. When the caller cancels, or waits no
/// longer, the call on the other side is cancelled.
struct CallRelay: Sendable {
    let target: QueueName
    let options: CallRouteOptions
    let context: RouteContext
    /// Where the callers are.
    let caller: any Connection
    /// Where the responder is.
    let responder: any Connection

    func answer(_ request: IncomingRequest) async throws -> Message {
        let timers = context.timers
        let begun = timers.now
        context.recorder.begins()
        do {
            let reply = try await pass(request)
            context.recorder.update { statistics in
                statistics.forwarded += 1
                statistics.inFlight -= 1
                statistics.lag = timers.now - begun
            }
            return reply
        } catch {
            let isLoop = (error as? MessagingError)?.code == .loopDetected
            context.recorder.update { statistics in
                if isLoop { statistics.looped += 1 } else { statistics.lost += 1 }
                statistics.inFlight -= 1
            }
            throw error
        }
    }

    private func pass(_ request: IncomingRequest) async throws -> Message {
        switch context.bridgeMark.verdict(on: request.message.headers) {
        case .pass: break
        case .loop:
            throw MessagingError(
                .loopDetected,
                "the call of \(target) came back to bridge \(context.bridgeMark.bridge)"
            )
        case .tooFar: throw MessagingError(.loopDetected, "the call of \(target) has passed too many bridges")
        }
        var message = request.message
        message.headers.correlationID = nil
        message.headers.replyTo = nil
        if context.options.marking != .never { context.bridgeMark.mark(&message.headers, origin: "") }
        do {
            // A reader that allows no elements, or sends no number, holds up nothing but its own stream.
            if let credit = message.headers.integer(Headers.Standard.credit) {
                return try await stream(message, for: request, window: max(1, min(credit, 1_000_000)))
            }
            message.headers[Headers.Standard.credit] = nil
            // If the caller has less time left by now, that counts.
            let timeout = message.headers.timeout ?? options.timeout
            return Self.passable(try await responder.exchange(message, at: target, timeout: timeout))
        } catch {
            throw told(error)
        }
    }

    /// Passes a stream on, element by element. The writer on the other side gets the credit that the reader gives.
    private func stream(_ message: Message, for request: IncomingRequest, window: Int) async throws -> Message {
        let gate = CreditGate(allowed: window, timers: caller.runtime.timers)
        let frames = FrameWriter(request, gate: gate)
        let timeout = message.headers.timeout ?? options.timeout
        let patience = RespondOptions().patience(with: timeout)
        return try await caller.withReplies(to: gate, from: nil, within: patience) { id, address in
            let stream = try await responder.openStream(target, message, timeout: timeout, window: window)
            try await frames.open(StreamControl(address: address, id: id))
            do {
                try await gate.whileHeard(within: patience) {
                    while let frame = try await stream.receiver.next() {
                        try await frames.write(Self.passable(frame))
                    }
                }
                return frames.last(nil)
            } catch {
                return frames.last(told(error))
            }
        }
    }

    /// A reply without the headers that mean nothing on the other side.
    private static func passable(_ reply: Message) -> Message {
        var reply = reply
        reply.headers.correlationID = nil
        reply.headers.replyTo = nil
        reply.headers[Headers.Standard.sequence] = nil
        reply.headers[Headers.Standard.creditID] = nil
        return reply
    }

    /// An error as the caller is told of it: that the bridge's link is lost is not the caller's loss of its own.
    private func told(_ error: any Error) -> any Error {
        guard let error = error as? MessagingError else { return error }
        switch error.code {
        case .connectionLost, .notConnected, .connectionClosed:
            return MessagingError(
                .bridgeFailed,
                "bridge \(context.bridgeMark.bridge) has lost the other side: \(error.message)"
            )
        default: return error
        }
    }
}
