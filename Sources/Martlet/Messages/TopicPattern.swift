/// A topic name with wildcards: `*` stands for exactly one segment, a last `#` for the rest (also for nothing).
///
/// `sensors.*.front` matches `sensors.sonar.front`; `sensors.#` matches `sensors`, `sensors.sonar` and
/// everything below. Without wildcards a pattern matches the one topic of that name. Like a ``TopicName`` it
/// is checked when it is made and throws, as ``MessagingError/Code/invalidFilter``, when it is used.
public struct TopicPattern: Sendable, Hashable {
    let name: DottedName

    /// Makes a pattern of its text. See ``validate()`` for whether it is one.
    public init(_ text: String) {
        name = DottedName(text, wildcards: true)
    }

    /// The pattern that matches one topic.
    public init(_ topic: TopicName) {
        name = topic.name
    }

    /// The pattern as written.
    public var text: String { name.text }

    /// What stands between the dots, wildcards among them.
    public var segments: [String] { name.segments }

    /// Whether any segment is a wildcard.
    public var hasWildcards: Bool {
        segments.contains { $0 == "*" || $0 == "#" }
    }

    /// The one topic that it matches, as a name that nobody else uses; `nil` if it has wildcards.
    package var onlyTopic: TopicName? { hasWildcards ? nil : TopicName(text) }

    /// Throws ``MessagingError/Code/invalidFilter``, saying which segment is wrong, unless the pattern is valid.
    public func validate() throws {
        guard !name.isValid else { return }
        throw MessagingError(.invalidFilter, "the topic filter \(quoted(text)) is not valid: \(name.problem ?? "")")
    }

    /// Whether the pattern matches a topic.
    public func matches(_ topic: TopicName) -> Bool {
        let topic = topic.segments
        for (index, segment) in segments.enumerated() {
            if segment == "#" { return true }
            guard index < topic.count, segment == "*" || segment == topic[index] else { return false }
        }
        return segments.count == topic.count
    }
}

extension TopicPattern: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Makes a pattern of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// The pattern as written.
    public var description: String { text }
}
