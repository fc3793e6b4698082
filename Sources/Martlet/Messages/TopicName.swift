/// The name of a topic: one or more segments between dots, such as `sensors.sonar.front`.
///
/// A segment has any characters but white space, control characters, `+` and the wildcards `*` and `#`; it is
/// not empty. The first one does not begin with `$`. A name has at most 65,535 bytes and 128 segments.
/// It means the same on every broker; where a broker writes it otherwise (MQTT's slashes), the connection
/// translates.
///
/// Making a name never fails, so that names can be constants. A name that is not valid is thrown as
/// ``MessagingError/Code/invalidTopic`` by the first call that uses it.
public struct TopicName: Sendable, Hashable {
    let name: DottedName

    /// Makes a name of its text. See ``validate()`` for whether it is one.
    public init(_ text: String) {
        name = DottedName(text)
    }

    /// The topic that has the name of a queue.
    package init(_ queue: QueueName) {
        name = queue.name
    }

    /// The name as written, with dots.
    public var text: String { name.text }

    /// Whether it is this very object, which is quicker to say than whether it is equal.
    func isSame(as other: TopicName) -> Bool { name.isSame(as: other.name) }

    /// What stands between the dots.
    public var segments: [String] { name.segments }

    /// Throws ``MessagingError/Code/invalidTopic``, saying which segment is wrong, unless the name is valid.
    public func validate() throws {
        guard !name.isValid else { return }
        throw MessagingError(.invalidTopic, "the topic \(quoted(text)) is not valid: \(name.problem ?? "")")
    }

    /// The topic one level below: `TopicName("arm.move").appending("status")` is `arm.move.status`.
    public func appending(_ segment: String) -> TopicName {
        TopicName("\(text).\(segment)")
    }
}

extension TopicName: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Makes a name of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// The name as written.
    public var description: String { text }
}
