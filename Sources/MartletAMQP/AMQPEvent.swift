/// What a broker tells a connection beside its messages; see ``AMQPConnection/events()``.
public enum AMQPEvent: Sendable, Hashable {
    /// It takes no publishes at the moment, because it lacks memory or disk space: publishers wait.
    case blocked(reason: String)
    /// It takes publishes again.
    case unblocked
    /// It ended a consumer, because the queue was deleted or its node is gone. One of the verbs
    /// is opened anew; one of a channel ends.
    case consumerCancelled(queue: String)
}
