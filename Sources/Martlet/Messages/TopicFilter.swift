/// A contract for many topics: a pattern and the type of what is published on each of them.
public struct TopicFilter<Value: Codable & Sendable>: Sendable, Hashable {
    /// The topics it stands for.
    public let pattern: TopicPattern

    /// A contract for the topics that the pattern matches; the pattern is checked when it is first used.
    public init(_ pattern: TopicPattern) {
        self.pattern = pattern
    }

    /// The filter that matches one topic.
    public init(_ topic: Topic<Value>) {
        pattern = TopicPattern(topic.name)
    }
}
