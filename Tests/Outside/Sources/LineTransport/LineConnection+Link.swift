import Martlet
import Synchronization

extension LineConnection {
    /// Makes one link after the other, until the connection closes.
    func keepLink() async {
        var attempt = 0
        while !Task.isCancelled, runtime.missingLink.code == .notConnected {
            if !state.withLock({ $0.isCut }), let socket = server.dial() {
                attempt = 0
                await run(socket)
            }
            let delay = Backoff(initial: .milliseconds(5), maximum: .milliseconds(100)).delay(before: attempt)
            try? await Task.sleep(for: delay ?? .zero)
            attempt += 1
        }
    }

    /// Uses a link for as long as there is one.
    private func run(_ socket: LineSocket) async {
        let link = state.withLock { state in
            let link = Link(number: state.nextNumber(), socket: socket)
            state.link = link
            return link
        }
        await withTaskCancellationHandler {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    await link.outbox.write(to: socket)
                    return true
                }
                group.addTask {
                    await self.read(link)
                    return true
                }
                group.addTask { await !self.restore(link) }
                while let hasEnded = await group.next(), !hasEnded {}
                lose(link)
                group.cancelAll()
            }
        } onCancel: {
            socket.end()
        }
    }

    /// Tells the server all that is open, and then everybody that there is a link.
    ///
    /// - Returns: whether it could.
    private func restore(_ link: Link) async -> Bool {
        do {
            var hello = Frame(.hello, options.will?.topic.text ?? "", message: options.will?.message)
            hello.flag = options.will?.retain ?? false
            try await request(hello, isRestoring: true)
            let opened = state.withLock { state in Array(state.opened.values) }
            for opened in opened { try await request(opened.frame, isRestoring: true) }
            if state.withLock({ $0.receive != nil }) {
                let answer = try await request(Frame(.listen), isRestoring: true)
                state.withLock { $0.address = answer.name }
            }
        } catch {
            return false
        }
        let isOpen = state.withLock { state in
            guard state.link?.number == link.number, !state.isCut else { return false }
            state.isOpen = true
            for frame in state.kept { link.outbox.post(frame) }
            state.kept = []
            return true
        }
        if isOpen { runtime.linkOpened() }
        return isOpen
    }

    /// Takes in what the server says. While a feed is full nothing is read.
    private func read(_ link: Link) async {
        var frames = FrameReader(link.socket)
        while !Task.isCancelled, let frame = await frames.next() {
            switch frame.verb {
            case .done: end(frame.number, .success(frame))
            case .failed:
                let code = MessagingError.Code(rawValue: frame.name)
                end(frame.number, .failure(MessagingError(code, frame.message.text ?? "")))
            case .answer:
                guard let message = message(frame) else { continue }
                state.withLock { $0.receive }?(message, frame.name)
            case .delivery:
                guard let message = message(frame) else {
                    // Nobody can read it, now or later.
                    try? delivery(frame, frame.message, over: link).nack(requeue: false)
                    continue
                }
                // One that nobody reads any more is dropped, and by that goes back to its queue.
                let delivery = delivery(frame, message, over: link)
                let feed = state.withLock { $0.opened[frame.number]?.feed }
                if let feed { try? await feed.deliver(delivery) } else { leave(frame.number) }
            default: return
            }
        }
    }

    /// The message of a frame, as the connection's format and transforms have it; one that they can't read is counted.
    private nonisolated func message(_ frame: Frame) -> Message? {
        let carried = frame.message
        do {
            return try runtime.message(ofPublication: carried.body, headers: carried.headers)
        } catch {
            runtime.count(\.undecodable, "a message of \(frame.name) could not be read: \(error)")
            return nil
        }
    }

    private nonisolated func delivery(_ frame: Frame, _ message: Message, over link: Link) -> Delivery {
        var settle: (@Sendable (Disposition) throws -> Void)?
        if let tag = frame.tag { settle = { [weak self] in try self?.settle(tag, of: link, as: $0) } }
        return Delivery(
            topic: TopicName(frame.name),
            message: message,
            redeliveries: frame.redeliveries ?? 0,
            isRetained: frame.flag,
            settle: settle
        )
    }

    private nonisolated func settle(_ tag: Int, of link: Link, as disposition: Disposition) throws {
        var frame = Frame(.settle, number: tag)
        frame.disposition = "\(disposition)"
        try state.withLock { state in
            guard state.link?.number == link.number else {
                throw MessagingError(.connectionLost, "the link over which this delivery came was lost")
            }
            link.outbox.post(frame)
        }
    }

    // MARK: Requests

    /// Asks the server, and waits for its answer.
    @discardableResult
    nonisolated func request(_ frame: Frame, isRestoring: Bool = false) async throws -> Frame {
        var frame = frame
        if frame.number == 0 { frame.number = state.withLock { $0.nextNumber() } }
        return try await withTaskCancellationHandler { [frame] in
            try await withCheckedThrowingContinuation { continuation in
                let refusal: (any Error)? = state.withLock { state in
                    if Task.isCancelled { return CancellationError() }
                    guard let link = state.link, state.isOpen || isRestoring else { return runtime.missingLink }
                    state.requests[frame.number] = continuation
                    link.outbox.post(frame)
                    return nil
                }
                if let refusal { continuation.resume(throwing: refusal) }
            }
        } onCancel: { [number = frame.number] in
            end(number, .failure(CancellationError()))
        }
    }

    private nonisolated func end(_ number: Int, _ result: Result<Frame, any Error>) {
        state.withLock { $0.requests.removeValue(forKey: number) }?.resume(with: result)
    }

    /// Nobody uses a link from now on, and whoever waits for an answer over it is told.
    private nonisolated func lose(_ link: Link) {
        let lost: (wasOpen: Bool, requests: [CheckedContinuation<Frame, any Error>]) = state.withLock { state in
            guard state.link?.number == link.number else { return (false, []) }
            defer { (state.link, state.isOpen, state.requests) = (nil, false, [:]) }
            return (state.isOpen, Array(state.requests.values))
        }
        link.socket.end()
        let error = MessagingError(.connectionLost, "the link was lost before the server answered")
        for request in lost.requests { request.resume(throwing: error) }
        if lost.wasOpen { runtime.linkLost() }
    }

    // MARK: Faults

    /// Takes the link away, as a pulled cable does.
    public nonisolated func cut() {
        let link = state.withLock { state in
            state.isCut = true
            return state.link
        }
        if let link { lose(link) }
    }

    /// Gives the link back.
    public nonisolated func restore() {
        state.withLock { $0.isCut = false }
    }
}
