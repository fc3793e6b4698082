/// The tasks that wait until the queue they send to has room, each under the number of its message.
///
/// A message waits from the moment in which it is sent, its task from some time later: by then the message may have been
/// let in or have expired.
struct WaitingSenders: Sendable {
    typealias Continuation = CheckedContinuation<Void, any Error>

    /// A sender that was taken out. The caller resumes its task where no lock is held.
    struct Withdrawn: Sendable {
        let continuation: Continuation?
    }

    private enum Sender: Sendable {
        /// The message waits, its task not yet.
        case parked
        case waiting(Continuation)
        /// The message expired before its task waited.
        case expired
    }

    private var senders: [UInt64: Sender] = [:]

    mutating func park(_ number: UInt64) {
        senders[number] = .parked
    }

    /// Has a task wait until its message is let in or expires.
    ///
    /// - Returns: how the wait has ended, if it has; then the continuation is not kept.
    mutating func attach(_ continuation: Continuation, to number: UInt64) -> Result<Void, any Error>? {
        switch senders[number] {
        case .parked, .waiting:
            senders[number] = .waiting(continuation)
            return nil
        case .expired:
            senders[number] = nil
            return .failure(Self.expiry)
        case nil:
            return .success(())
        }
    }

    /// The message has been let in.
    ///
    /// - Returns: the task that waits; the caller resumes it where no lock is held.
    mutating func admit(_ number: UInt64) -> Continuation? {
        guard case .waiting(let continuation) = senders.removeValue(forKey: number) else { return nil }
        return continuation
    }

    /// The message is taken back.
    ///
    /// - Returns: `nil` if it waits no longer; otherwise the task that waits, if that has come so far.
    mutating func withdraw(_ number: UInt64) -> Withdrawn? {
        switch senders.removeValue(forKey: number) {
        case .waiting(let continuation): Withdrawn(continuation: continuation)
        case .parked, .expired: Withdrawn(continuation: nil)
        case nil: nil
        }
    }

    /// The message expired before there was room.
    ///
    /// - Returns: the task that waits; the caller resumes it, with ``expiry``, where no lock is held.
    mutating func expire(_ number: UInt64) -> Continuation? {
        guard let sender = senders[number] else { return nil }
        guard case .waiting(let continuation) = sender else {
            senders[number] = .expired
            return nil
        }
        senders[number] = nil
        return continuation
    }

    static var expiry: MessagingError {
        MessagingError(.timeout, "the message expired before its queue had room")
    }
}
