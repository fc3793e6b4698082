/// One call's wait for its one reply.
final class PendingCall: ReplyReceiver {
    private let promise = Promise<Message>()
    private let countLate: @Sendable () -> Void

    /// - Parameter countLate: called for each reply after the first.
    init(countLate: @escaping @Sendable () -> Void) {
        self.countLate = countLate
    }

    func receive(_ reply: Message) {
        if !promise.end(.success(reply)) { countLate() }
    }

    func fail(_ error: any Error) {
        promise.end(.failure(error))
    }

    /// The reply. Cancelling the waiting task ends the call with `CancellationError`.
    func reply() async throws -> Message {
        try await promise.value()
    }
}
