/// What of a check a bridge has to pass on, by the names that the check uses.
public enum ConformanceRoute: Sendable, Hashable {
    /// What is published to the topics of a pattern.
    case topics(String)
    /// What is sent to a queue.
    case queue(String)
    /// Calls, also those that are answered with a stream.
    case calls(String)
    /// The goals of an action, and what is said of them.
    case action(String)

    /// What is published to any topic of the run.
    public static var everyTopic: ConformanceRoute { .topics("#") }
}
