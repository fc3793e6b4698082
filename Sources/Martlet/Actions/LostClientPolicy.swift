/// What an action server does with a goal whose client may be dead.
public enum LostClientPolicy: Sendable, Hashable {
    /// Nothing: the goal goes on, and its result is kept for who asks.
    case detach
    /// It cancels a goal that nobody has asked about for so long. A client that awaits the result or reads the
    /// feedback asks three times in that time or once a second, whichever is more often; one that does neither counts
    /// as dead.
    case cancel(after: Duration)

    var lease: Duration? {
        switch self {
        case .detach: nil
        case .cancel(let duration): duration
        }
    }
}
