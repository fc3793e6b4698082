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
        /// Of the frames that have come and were not read, those too that run ahead.
        var waitingBytes = 0
        var control: StreamControl?
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
    private let maximumBytes: Int
    private let grant: @Sendable (_ credit: Int, _ control: StreamControl) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - maximumBytes: how many bytes of elements may wait for the reader, who has allowed a number of them.
    ///   - grant: sends the writer the new credit; must not block.
    init(
        window: Int,
        maximumBytes: Int = .max,
        timeout: Duration,
        timers: Timers,
        grant: @escaping @Sendable (_ credit: Int, _ control: StreamControl) -> Void
    ) {
        self.window = window
        self.maximumBytes = maximumBytes
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
            let broken = MessagingError(.streamBroken, "a reply came that is no part of the stream")
            state.withLock { end(error ?? broken, byWriter: error != nil, &$0) }
            return
        }
        // Frames are passed on under the lock, since they may arrive on several threads: in order is what matters.
        state.withLock { state in
            state.lastFrame = timers.now
            if let address = headers.replyTo, let id = headers[Headers.Standard.creditID]?.string {
                state.control = StreamControl(address: address, id: id)
            }
            switch state.assembly.receive(reply, at: sequence) {
            case .duplicate:
                break
            case .frames(let frames):
                state.waitingBytes += reply.weight
                guard state.waitingBytes <= maximumBytes else {
                    let text = "more than \(maximumBytes) bytes of the stream wait for its reader"
                    return end(MessagingError(.bodyTooLarge, text), byWriter: false, &state)
                }
                for frame in frames { pass(on: frame, &state) }
            case .overrun:
                let text = "elements of the stream are missing, or its writer ignores its credit"
                end(MessagingError(.streamBroken, text), byWriter: false, &state)
            }
        }
    }

    private func pass(on frame: Message, _ state: inout State) {
        if let error = MessagingError(frame.headers) {
            end(error, byWriter: true, &state)
        } else if frame.headers.replyTo != nil {
            // The opening: it only says where credit goes, and nobody reads it.
            state.waitingBytes -= frame.weight
        } else if frame.headers[Headers.Standard.streamEnd] != nil {
            end(nil, byWriter: true, &state)
        } else {
            _ = mailbox.offer(frame, topic: Self.unused)
        }
    }

    func fail(_ error: any Error) {
        state.withLock { end(error, byWriter: false, &$0) }
    }

    private func end(_ error: (any Error)?, byWriter: Bool, _ state: inout State) {
        state.ended = true
        state.writerEnded = state.writerEnded || byWriter
        mailbox.finish(throwing: error)
    }

    /// Whether the writer has said that it is done. A stream that failed at this end may still be written.
    var isWritten: Bool { state.withLock { $0.writerEnded } }

    /// The next frame; `nil` at the end. Taking frames is what grants credit: after each half of a window.
    func next() async throws -> Message? {
        var batch: Deque<Message> = []
        try await mailbox.next(into: &batch)
        guard let frame = batch.popFirst() else { return nil }
        let due: (Int, StreamControl)? = state.withLock { state in
            state.consumed += 1
            state.waitingBytes -= frame.weight
            // The writer may have waited for this. It is silent from here on, not while its reader was busy.
            state.lastFrame = timers.now
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
        let interval = StreamControl.interval(with: timeout)
        let id = timers.schedule(at: timers.now + interval) { [weak self] in self?.check() }
        state.withLock { $0.timer = id }
    }

    /// Ends a stream whose writer has been silent for too long with credit left; otherwise says that the reader lives.
    private func check() {
        let (silent, due, ended): (Bool, (Int, StreamControl)?, Bool) = state.withLock { state in
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
