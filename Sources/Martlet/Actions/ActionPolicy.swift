/// What an action server does with a goal that comes while its handler is at work.
///
/// A handler counts as at work until it has returned, whatever has become of its goal: two handlers never drive one
/// arm.
public enum ActionPolicy: Sendable, Hashable {
    /// It rejects the new goal, with ``MessagingError/Code/goalRejected``.
    case rejectIfBusy
    /// It cancels the one at work and has the new goal begin when that one's handler has returned. Only the newest
    /// goal waits: one that waited before it is canceled.
    case preemptLatest
    /// The new goal waits its turn; it is rejected if so many wait already.
    case queue(limit: Int)
    /// So many handlers work side by side; one goal more is rejected.
    case parallel(limit: Int)

    /// How many handlers may be at work.
    var slots: Int {
        switch self {
        case .rejectIfBusy, .preemptLatest, .queue: 1
        case .parallel(let limit): limit
        }
    }
}
