import DequeModule
import Synchronization

/// The reading side of one streaming call: puts frames in order and grants the writer credit.
///
/// Credit is the number of elements allowed in all, so that losing or repeating a grant does no harm. It is
/// granted again a few times per timeout: that tells the writer that its reader lives.
final class StreamReceiver: ReplyReceiver {
    private struct State {
        var assembly: StreamAssembly
        var granted: Int
        var consumed = 0
        var control: String?
        var lastFrame: Duration
        var ended = false
        /// Whether the writer has said itself that it is done.
        var writerEnded = false
        var timer: Timers.ID?
    }

    let window: Int
    private let mailbox: Mailbox<Message>
    private let timers: Timers
    private let timeout: Duration
    private let grant: @Sendable (_ credit: Int, _ control: String) -> Void
    private let state: Mutex<State>

    /// - Parameter grant: sends the writer's control address the new credit; must not block.
    init(
        window: Int,
        timeout: Duration,
        timers: Timers,
        grant: @escaping @Sendable (_ credit: Int, _ control: String) -> Void
    ) {
        self.window = window
        self.timeout = timeout
        self.timers = timers
        self.grant = grant
        mailbox = Mailbox(limit: window, overflow: .dropNewest)
        state = Mutex(
            State(assembly: StreamAssembly(window: window), granted: window, lastFrame: timers.now)
        )
    }

    deinit {
        state.withLock { $0.timer }.map(timers.cancel)
    }

    /// Starts to watch for silence.
    func start() {
        scheduleCheck()
    }

    func receive(_ reply: Message) {
        let headers = reply.headers
        // An error may come without a place in the stream, from a responder that never began it.
        guard let sequence = headers.integer(Headers.Standard.sequence) else {
            let error = MessagingError(headers)
            end(
                error ?? MessagingError(.streamBroken, "a reply came that is no part of the stream"),
                byWriter: error != nil
            )
            return
        }
        let outcome = state.withLock { state in
            state.lastFrame = timers.now
            if let control = headers.replyTo { state.control = control }
            return state.assembly.receive(reply, at: sequence)
        }
        switch outcome {
        case .frames(let frames):
            for frame in frames { pass(on: frame) }
        case .overrun:
            fail(MessagingError(.streamBroken, "elements of the stream are missing, or its writer ignores its credit"))
        }
    }

    private func pass(on frame: Message) {
        if let error = MessagingError(frame.headers) {
            end(error, byWriter: true)
        } else if frame.headers.replyTo != nil {
            // The opening: it only says where credit goes.
        } else if frame.headers[Headers.Standard.streamEnd] != nil {
            end(nil, byWriter: true)
        } else {
            _ = mailbox.offer(frame, topic: Self.unused)
        }
    }

    func fail(_ error: any Error) {
        end(error, byWriter: false)
    }

    private func end(_ error: (any Error)?, byWriter: Bool) {
        state.withLock { state in
            state.ended = true
            state.writerEnded = state.writerEnded || byWriter
        }
        mailbox.finish(throwing: error)
    }

    /// Whether the writer has said that it is done. A stream that failed at this end may still be written.
    var isWritten: Bool { state.withLock { $0.writerEnded } }

    /// The next frame; `nil` at the end. Taking frames is what grants credit: after each half of a window.
    func next() async throws -> Message? {
        var batch: Deque<Message> = []
        try await mailbox.next(into: &batch)
        guard let frame = batch.popFirst() else { return nil }
        let due: (Int, String)? = state.withLock { state in
            state.consumed += 1
            let allowed = state.consumed + window
            guard !state.ended, let control = state.control, allowed - state.granted >= max(1, window / 2) else {
                return nil
            }
            state.granted = allowed
            return (allowed, control)
        }
        if let due { grant(due.0, due.1) }
        return frame
    }

    private func scheduleCheck() {
        let id = timers.schedule(at: timers.now + timeout / 3) { [weak self] in self?.check() }
        state.withLock { $0.timer = id }
    }

    /// Ends a stream whose writer has been silent for too long with credit left; otherwise says that the reader lives.
    private func check() {
        let (silent, due, ended): (Bool, (Int, String)?, Bool) = state.withLock { state in
            let silent = timers.now - state.lastFrame >= timeout && mailbox.count == 0
            return (silent, state.control.map { (state.granted, $0) }, state.ended)
        }
        if ended { return }
        if silent {
            fail(MessagingError(.timeout, "the stream was silent for \(timeout)"))
            return
        }
        if let due { grant(due.0, due.1) }
        scheduleCheck()
    }

    private static let unused = TopicName("stream")
}
