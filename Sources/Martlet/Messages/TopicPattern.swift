/// A topic name with wildcards: `*` stands for exactly one segment, a last `#` for the rest (also for nothing).
///
/// `sensors.*.front` matches `sensors.sonar.front`; `sensors.#` matches `sensors`, `sensors.sonar` and everything below.
/// A wildcard is a whole segment; `a*` is a segment of two characters, and `%2A` one that is an asterisk. A wildcard that
/// stands first matches no segment that begins with `$`: such topics a broker keeps for itself. Without wildcards a
/// pattern matches the one topic of that name. Like a ``TopicName`` it is checked when it is made and throws, as
/// ``MessagingError/Code/invalidFilter``, when it is used.
public struct TopicPattern: Sendable, Hashable {
    /// One segment of a pattern.
    public enum Segment: Sendable {
        /// This very segment.
        case literal(String)
        /// `*`: any one segment.
        case one
        /// `#`: the rest, which may be nothing. Only the last one.
        case rest
    }

    /// The pattern as text.
    public let text: String
    /// What stands between the dots.
    public let segments: [Segment]
    /// Whether any segment is a wildcard.
    public let hasWildcards: Bool
    /// The group that shares the subscription, where MQTT's own form of the pattern named one (`$share/<group>/…`); see
    /// ``SubscribeOptions/group``.
    public let group: String?
    /// Whether it has a slash and came from text.
    package let hasWrittenSlash: Bool
    private let problem: String?

    private init(
        _ text: String,
        _ segments: [Segment],
        group: String? = nil,
        problem: String?,
        hasWrittenSlash: Bool = false
    ) {
        self.text = text
        self.segments = segments
        self.group = group
        self.problem = problem ?? Self.problem(in: segments)
        self.hasWrittenSlash = hasWrittenSlash
        hasWildcards = segments.contains { !$0.isLiteral }
    }

    /// Makes a pattern of its text. See ``validate()`` for whether it is one.
    public init(_ text: String) {
        let segments = NameForm.text.parts(of: text).map { part in
            Segment(part, one: "*", rest: "#", in: .text)
        }
        self.init(text, segments, problem: nil, hasWrittenSlash: text.utf8.contains(UInt8(ascii: "/")))
    }

    /// Makes a pattern of its segments.
    public init(segments: [Segment]) {
        self.init(segments: segments, problem: nil)
    }

    init(segments: [Segment], group: String? = nil, problem: String?) {
        self.init(Self.text(of: segments), segments, group: group, problem: problem)
    }

    /// The pattern that matches one topic.
    public init(_ topic: TopicName) {
        self.init(
            topic.text,
            topic.segments.map(Segment.literal),
            problem: topic.name.problem,
            hasWrittenSlash: topic.name.hasWrittenSlash
        )
    }

    private static func text(of segments: [Segment]) -> String {
        let parts = segments.map { segment in
            switch segment {
            case .literal(let text): NameForm.text.text(of: text)
            case .one: "*"
            case .rest: "#"
            }
        }
        return parts.joined(separator: ".")
    }

    private static func problem(in segments: [Segment]) -> String? {
        if let place = segments.dropLast().firstIndex(of: .rest) {
            return "segment \(place + 1) is '#', which may only stand last"
        }
        return DottedName.problem(in: segments.map { if case .literal(let text) = $0 { text } else { "*" } })
    }

    /// The one topic that it matches, as a name that nobody else uses; `nil` if it has wildcards.
    package var onlyTopic: TopicName? {
        hasWildcards ? nil : TopicName(segments: segments.map { if case .literal(let text) = $0 { text } else { "" } })
    }

    /// Whether ``validate()`` throws nothing.
    package var isValid: Bool { problem == nil }

    /// Throws ``MessagingError/Code/invalidFilter``, saying which segment is wrong, unless the pattern is valid.
    public func validate() throws {
        guard let problem else { return }
        throw MessagingError(.invalidFilter, "the topic filter \(quoted(text)) is not valid: \(problem)")
    }

    /// Whether the pattern matches a topic.
    public func matches(_ topic: TopicName) -> Bool {
        guard hasWildcards else { return text.hasSameBytes(as: topic.text) }
        if beginsWithWildcard, topic.isReserved { return false }
        let topic = topic.segments
        for (index, segment) in segments.enumerated() {
            switch segment {
            case .rest: return true
            case .one: guard index < topic.count else { return false }
            case .literal(let text):
                guard index < topic.count, text.hasSameBytes(as: topic[index]) else { return false }
            }
        }
        return segments.count == topic.count
    }

    /// What the last `#` stands for in a topic: its segments, none where the `#` stands for nothing.
    ///
    /// - Returns: `nil` if the pattern does not match the topic, or has no `#`.
    public func rest(of topic: TopicName) -> [String]? {
        guard let place = segments.firstIndex(of: .rest), matches(topic) else { return nil }
        return Array(topic.segments[place...])
    }

    /// What each `*` stands for in a topic, in their order.
    ///
    /// - Returns: `nil` if the pattern does not match the topic.
    public func captures(in topic: TopicName) -> [String]? {
        guard matches(topic) else { return nil }
        return zip(segments, topic.segments).compactMap { $0 == .one ? $1 : nil }
    }

    /// The pattern with all of a name before it: what it matches are the topics that it matched, below that name.
    public func below(_ base: TopicName) -> TopicPattern {
        let segments = base.segments.map(Segment.literal) + segments
        return TopicPattern(
            Self.text(of: segments),
            segments,
            group: group,
            problem: base.name.problem ?? problem,
            hasWrittenSlash: base.hasWrittenSlash || hasWrittenSlash
        )
    }

    /// Whether there may be a topic that both patterns match.
    package func overlaps(_ other: TopicPattern) -> Bool { TopicShape(self).overlaps(TopicShape(other)) }

    /// Whether the first segment is a wildcard, which no topic matches that a broker keeps for itself.
    package var beginsWithWildcard: Bool { segments.first.map { !$0.isLiteral } ?? false }
}

extension TopicPattern {
    /// Equal patterns have the same text, byte by byte, and the same group.
    public static func == (a: TopicPattern, b: TopicPattern) -> Bool {
        a.text.hasSameBytes(as: b.text) && a.group.map { ByteKey($0) } == b.group.map { ByteKey($0) }
    }

    /// Hashes the text's bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ByteKey(text))
    }
}

extension TopicPattern: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Makes a pattern of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// The pattern as text.
    public var description: String { text }
}

extension TopicPattern.Segment: Hashable {
    /// What something written is.
    ///
    /// - Parameters:
    ///   - one: the wildcard for one segment, where it is written.
    ///   - rest: that for the rest.
    init(_ part: [UInt8], one: Unicode.Scalar, rest: Unicode.Scalar, in form: NameForm) {
        switch part {
        case [UInt8(ascii: one)]: self = .one
        case [UInt8(ascii: rest)]: self = .rest
        default: self = .literal(form.read(part[...]))
        }
    }

    package var isLiteral: Bool { if case .literal = self { true } else { false } }

    /// Equal literals have the same bytes.
    public static func == (a: TopicPattern.Segment, b: TopicPattern.Segment) -> Bool {
        switch (a, b) {
        case (.one, .one), (.rest, .rest): true
        case (.literal(let a), .literal(let b)): a.hasSameBytes(as: b)
        default: false
        }
    }

    /// Hashes a literal's bytes.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .literal(let text): hasher.combine(ByteKey(text))
        case .one: hasher.combine(1)
        case .rest: hasher.combine(2)
        }
    }
}

extension TopicPattern.Segment: ExpressibleByStringLiteral {
    /// `*` and `#` are the wildcards, everything else is the segment of that text.
    public init(stringLiteral text: String) {
        switch text {
        case "*": self = .one
        case "#": self = .rest
        default: self = .literal(text)
        }
    }
}
