/// The name of a topic: one or more segments, such as `sensors.sonar.front`.
///
/// A segment is any text without the character U+0000. It may be empty, and may hold spaces, slashes and dots. A name
/// has at most 256 segments and, with one byte between each two, 65,535 bytes. Names are equal if their bytes are.
///
/// As text a name is its segments with dots between. A dot in a segment is written `%2E`; a segment that is `*` or `#`
/// and nothing more is `%2A` or `%23`; and what already reads like such a code gets one more `25` behind its `%`, so that
/// each text means one name.
///
/// A name means the same on every broker; where a broker writes it otherwise (MQTT's slashes), the connection translates,
/// both ways. What a broker can't carry is an error of the call that uses it.
///
/// Making a name never fails, so that names can be constants. A name that is not valid is thrown as
/// ``MessagingError/Code/invalidTopic`` by the first call that uses it.
public struct TopicName: Sendable, Hashable {
    let name: DottedName

    init(_ name: DottedName) {
        self.name = name
    }

    /// Makes a name of its text. See ``validate()`` for whether it is one.
    public init(_ text: String) {
        name = DottedName(text)
    }

    /// Makes a name of its segments, each taken as it is.
    public init(segments: [String]) {
        name = DottedName(segments: segments)
    }

    /// The topic that has the name of a queue.
    package init(_ queue: QueueName) {
        name = queue.name
    }

    /// The name as text, with dots.
    public var text: String { name.text }

    /// Whether it is this very object, which is quicker to say than whether it is equal.
    func isSame(as other: TopicName) -> Bool { name.isSame(as: other.name) }

    /// The segments as they are, without the codes of the text.
    public var segments: [String] { name.segments }

    /// The name in another form.
    package func text(in form: NameForm) -> String { name.text(in: form) }

    /// Whether it has a slash and came from text.
    package var hasWrittenSlash: Bool { name.hasWrittenSlash }

    /// Whether it is one of those that a broker keeps for itself, which no wildcard at the start of a filter matches.
    package var isReserved: Bool { text.utf8.first == UInt8(ascii: "$") }

    /// Whether it is one of those by which a broker says how it stands: MQTT's `$SYS/…`.
    package var isOfBroker: Bool { text.utf8.starts(with: "$SYS.".utf8) }

    /// Throws ``MessagingError/Code/invalidTopic``, saying which segment is wrong, unless the name is valid.
    public func validate() throws {
        guard let problem = name.problem else { return }
        throw MessagingError(.invalidTopic, "the topic \(quoted(text)) is not valid: \(problem)")
    }

    /// The topic one level below: `TopicName("arm.move").appending("status")` is `arm.move.status`.
    ///
    /// - Parameter segment: one segment, whatever it holds.
    public func appending(_ segment: String) -> TopicName {
        TopicName(name.appending(segment))
    }
}

extension TopicName: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Makes a name of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// The name as text.
    public var description: String { text }
}
