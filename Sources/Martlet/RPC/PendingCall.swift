import Synchronization

/// One call's wait for its one reply. Whatever comes first counts: the reply, a failure, cancellation.
final class PendingCall: ReplyReceiver {
    private enum State {
        case pending
        case waiting(CheckedContinuation<Message, any Error>)
        case ended(Result<Message, any Error>)
    }

    private let state = Mutex(State.pending)
    private let countLate: @Sendable () -> Void

    /// - Parameter countLate: called for each reply after the first.
    init(countLate: @escaping @Sendable () -> Void) {
        self.countLate = countLate
    }

    func receive(_ reply: Message) {
        if !end(.success(reply)) { countLate() }
    }

    func fail(_ error: any Error) {
        end(.failure(error))
    }

    /// Whether this was what ended the call.
    @discardableResult
    private func end(_ result: Result<Message, any Error>) -> Bool {
        let (isFirst, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Message, any Error>?) in
            switch state {
            case .pending:
                state = .ended(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .ended(result)
                return (true, continuation)
            case .ended:
                return (false, nil)
            }
        }
        continuation?.resume(with: result)
        return isFirst
    }

    /// The reply. Cancelling the waiting task ends the call with `CancellationError`.
    func reply() async throws -> Message {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ended: Result<Message, any Error>? = state.withLock { state in
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
}
