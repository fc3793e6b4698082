import Martlet
import Synchronization

/// What the server answers to one request: a task waits for it, or an observer is told. Whatever comes first counts: the
/// answer, a failure, cancellation.
///
/// It is a ``Promise`` of one type of value. Generic code of another module is not specialised, and that cost more than
/// all the rest of a confirmed publish.
final class Answer: Sendable {
    typealias Observer = @Sendable (Result<RedisValue, any Error>) -> Void

    private enum Subject {
        case command
        case publish(TopicName)
        case message(QueueName)

        func check(_ reply: RedisValue) throws {
            guard let error = reply.error else { return }
            switch self {
            case .command: throw error.asMessagingError("the command")
            case .publish(let topic): throw error.asMessagingError("the publish to \(topic)")
            case .message(let queue): throw error.asMessagingError("a message to \(queue)")
            }
        }
    }

    private enum State {
        case pending
        case waiting(CheckedContinuation<RedisValue, any Error>)
        case observed(Observer)
        case ended(Result<RedisValue, any Error>)
    }

    /// How far it has come, for nearly all answers: to a publish, which the server takes before anybody has begun to wait.
    /// They end without a lock, and without a value.
    private enum Stage: UInt8, AtomicRepresentable {
        case open
        case taken
        /// The state says it.
        case stated
    }

    private let stage = Atomic(Stage.open)
    private let state = Mutex(State.pending)
    /// Whether the server has what was sent, and only what comes of it is waited for.
    private let isSent = Atomic(false)
    /// What an error names.
    private let subject: Subject

    /// The answer to a command.
    init() { subject = .command }

    /// The answer to a publish.
    init(of topic: TopicName) { subject = .publish(topic) }

    /// The answer to a message that is sent.
    init(to queue: QueueName) { subject = .message(queue) }

    /// Whether it is there, so that nobody need trouble about it any more.
    var hasEnded: Bool {
        switch stage.load(ordering: .acquiring) {
        case .open: false
        case .taken: true
        case .stated:
            state.withLock { state in
                if case .ended = state { true } else { false }
            }
        }
    }

    /// Has the state say everything from now on.
    ///
    /// - Returns: whether it has ended before.
    private func isTaken() -> Bool {
        stage.compareExchange(expected: .open, desired: .stated, ordering: .acquiringAndReleasing).original == .taken
    }

    /// Ends the wait, unless it has ended before.
    func end(_ result: Result<RedisValue, any Error>) {
        endUntold(result)?()
    }

    /// Ends the wait, unless it has ended before, and leaves it to the caller to tell: to wake a thread takes microseconds,
    /// and one that runs meanwhile finds other answers ended, and need not be woken for each of them.
    ///
    /// - Returns: what tells who waits, if somebody does.
    func endUntold(_ result: Result<RedisValue, any Error>) -> (() -> Void)? {
        if case .publish = subject, case .success(.integer) = result {
            let (isFirst, stage) = stage.compareExchange(
                expected: .open,
                desired: .taken,
                ordering: .acquiringAndReleasing
            )
            if isFirst || stage == .taken { return nil }
        } else if isTaken() {
            return nil
        }
        let before = state.withLock { state in
            let before = state
            if case .ended = state {} else { state = .ended(result) }
            return before
        }
        return switch before {
        case .pending, .ended: nil
        case .waiting(let continuation): { continuation.resume(with: result) }
        case .observed(let observer): { observer(result) }
        }
    }

    /// The server has what was sent: no limit ends the wait any more.
    func confirm() { isSent.store(true, ordering: .relaxed) }

    /// The time is over in which the server was to have what was sent.
    func expire(_ error: MessagingError) {
        if !isSent.load(ordering: .relaxed) { end(.failure(error)) }
    }

    /// The answer. Cancelling the waiting task ends the wait with `CancellationError`.
    func value(isolation: isolated (any Actor)? = #isolation) async throws -> RedisValue {
        if isTaken() { return Self.taken }
        return try await withTaskCancellationHandler {
            // Captured, it has this run where the caller runs; otherwise it would go to the global pool and back.
            _ = isolation
            return try await withCheckedThrowingContinuation { continuation in
                let ended: Result<RedisValue, any Error>? = state.withLock { state in
                    if case .ended(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let ended { continuation.resume(with: ended) }
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
    }

    /// Has an observer told, instead of a task that waits: by whoever ends it, or at once.
    func observe(_ observer: @escaping Observer) {
        if isTaken() { return observer(.success(Self.taken)) }
        let ended: Result<RedisValue, any Error>? = state.withLock { state in
            if case .ended(let result) = state { return result }
            state = .observed(observer)
            return nil
        }
        if let ended { observer(ended) }
    }

    /// What stands for the server's answer to a publish that it has taken: nobody wants to know how many got it.
    private static let taken = RedisValue.integer(0)

    private var ended: Result<RedisValue, any Error>? {
        switch stage.load(ordering: .acquiring) {
        case .open: nil
        case .taken: .success(Self.taken)
        case .stated:
            state.withLock { state in
                if case .ended(let result) = state { result } else { nil }
            }
        }
    }
}

/// The server's word on a publish.
extension Answer: PromisedWord {
    func isConfirmed() throws -> Bool {
        if stage.load(ordering: .acquiring) == .taken { return true }
        guard let ended else { return false }
        try subject.check(ended.get())
        return true
    }

    func wait(isolation: isolated (any Actor)? = #isolation) async throws {
        try subject.check(try await value())
    }

    func tellFailure(_ tell: @escaping @Sendable (any Error) -> Void) {
        tellFailure(tell) {}
    }

    /// - Parameter atEnd: called however it ends.
    func tellFailure(_ tell: @escaping @Sendable (any Error) -> Void, atEnd: @escaping @Sendable () -> Void) {
        observe { [subject] result in
            atEnd()
            do {
                try subject.check(result.get())
            } catch is CancellationError {
                // Withdrawn: who did so knows.
            } catch {
                tell(error)
            }
        }
    }

    func withdraw() {
        end(.failure(CancellationError()))
    }
}

/// An answer that is not waited for longer than a message lasts.
final class ExpiringAnswer: PromisedWord {
    private let answer: Answer
    private let timer: Timers.ID
    private let timers: Timers

    /// - Parameter timer: what ends it too late otherwise.
    init(_ answer: Answer, timer: Timers.ID, of timers: Timers) {
        self.answer = answer
        self.timer = timer
        self.timers = timers
    }

    func isConfirmed() throws -> Bool {
        do {
            guard try answer.isConfirmed() else { return false }
            timers.cancel(timer)
            return true
        } catch {
            timers.cancel(timer)
            throw error
        }
    }

    func wait(isolation: isolated (any Actor)? = #isolation) async throws {
        defer { timers.cancel(timer) }
        try await answer.wait()
    }

    func tellFailure(_ tell: @escaping @Sendable (any Error) -> Void) {
        answer.tellFailure(tell) { [timers, timer] in timers.cancel(timer) }
    }

    func withdraw() { answer.withdraw() }
}
