/// The name of a queue, of which each message goes to exactly one consumer.
///
/// The same rules as for a ``TopicName``, but for the empty name, which is none: on AMQP it would ask for a new queue. An
/// application that keeps its queues in an `enum` of strings makes names of its cases.
public struct QueueName: Sendable, Hashable {
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

    /// Makes a name of an enumeration's case.
    public init(_ value: some RawRepresentable<String>) {
        self.init(value.rawValue)
    }

    /// The queue that has the name of a topic.
    package init(_ topic: TopicName) {
        name = topic.name
    }

    /// The name as text, with dots.
    public var text: String { name.text }

    /// The segments as they are, without the codes of the text.
    public var segments: [String] { name.segments }

    /// The name in another form.
    package func text(in form: NameForm) -> String { name.text(in: form) }

    /// Whether it has a slash and came from text.
    package var hasWrittenSlash: Bool { name.hasWrittenSlash }

    /// The topic of its name, as a name that nobody else uses.
    package var ownTopic: TopicName { TopicName(segments: segments) }

    /// What is wrong with it; `nil` if it is valid.
    var problem: String? { name.problem ?? (text.isEmpty ? "it is empty" : nil) }

    /// Throws ``MessagingError/Code/invalidQueue``, saying which segment is wrong, unless the name is valid.
    public func validate() throws(MessagingError) {
        guard let problem else { return }
        throw MessagingError(.invalidQueue, "the queue \(quoted(text)) is not valid: \(problem)")
    }

    /// The queue one level below.
    ///
    /// - Parameter segment: one segment, whatever it holds.
    public func appending(_ segment: String) -> QueueName {
        QueueName(name.appending(segment))
    }
}

extension QueueName: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Makes a name of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// The name as text.
    public var description: String { text }
}
