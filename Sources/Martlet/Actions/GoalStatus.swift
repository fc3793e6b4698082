/// How far a goal has come. The numbers are those on the wire, which are ROS 2's.
public enum GoalStatus: Int, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// The server has taken it on; its handler does not run yet.
    case accepted = 1
    /// Its handler runs.
    case executing = 2
    /// Its handler was told to stop and has not returned yet.
    case canceling = 3
    /// Its handler returned a result.
    case succeeded = 4
    /// It ended without a result, for a reason of the server's.
    case aborted = 5
    /// It was cancelled.
    case canceled = 6

    /// Whether it never changes any more.
    public var isTerminal: Bool { rawValue >= GoalStatus.succeeded.rawValue }

    /// The status in a word.
    public var description: String {
        switch self {
        case .accepted: "accepted"
        case .executing: "executing"
        case .canceling: "canceling"
        case .succeeded: "succeeded"
        case .aborted: "aborted"
        case .canceled: "canceled"
        }
    }
}
