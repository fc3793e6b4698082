/// The name of a queue, of which each message goes to exactly one consumer.
///
/// The same rules as for a ``TopicName``: a queue can then be addressed on every broker. An application that
/// keeps its queues in an `enum` of strings makes names of its cases.
public struct QueueName: Sendable, Hashable {
    let name: DottedName

    /// Makes a name of its text. See ``validate()`` for whether it is one.
    public init(_ text: String) {
        name = DottedName(text)
    }

    /// Makes a name of an enumeration's case.
    public init(_ value: some RawRepresentable<String>) {
        self.init(value.rawValue)
    }

    /// The name as written, with dots.
    public var text: String { name.text }

    /// Throws ``MessagingError/Code/invalidQueue``, saying which segment is wrong, unless the name is valid.
    public func validate() throws {
        guard !name.isValid else { return }
        throw MessagingError(.invalidQueue, "the queue \(quoted(text)) is not valid: \(name.problem ?? "")")
    }
}

extension QueueName: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Makes a name of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// The name as written.
    public var description: String { text }
}
