/// How a goal ended.
public enum GoalOutcome<Result: Sendable>: Sendable {
    /// Its handler returned this.
    case succeeded(Result)
    /// It was cancelled. The result is there if the handler returned one all the same: how far it had come. The
    /// error says who cancelled: ``MessagingError/Code/cancelled``, or ``MessagingError/Code/shuttingDown``.
    case canceled(Result?, MessagingError)
    /// It ended for this reason: what the handler threw, ``MessagingError/Code/timeout`` when its deadline passed,
    /// ``MessagingError/Code/handlerUnresponsive``, or ``MessagingError/Code/goalAborted`` if the server gave none.
    case aborted(MessagingError)

    /// The status that the goal ended in.
    public var status: GoalStatus {
        switch self {
        case .succeeded: .succeeded
        case .canceled: .canceled
        case .aborted: .aborted
        }
    }
}
