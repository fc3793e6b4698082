/// The names that a connection has told topics by of late: most see few topics, and many messages of each.
package struct TopicCache: ~Copyable {
    private static var limit: Int { 1_024 }
    private static var maximumBytes: Int { 256 }

    private let form: NameForm
    private var names: [ByteKey: TopicName] = [:]

    /// Names of a form.
    package init(_ form: NameForm) {
        self.form = form
    }

    /// The name of a topic on the wire; `nil` if it is none.
    package mutating func name(of wire: String) -> TopicName? {
        let key = ByteKey(wire)
        if let name = names[key] { return name }
        guard let name = TopicName(wire, in: form) else { return nil }
        guard wire.utf8.count <= Self.maximumBytes else { return name }
        if names.count >= Self.limit { names.removeAll(keepingCapacity: true) }
        names[key] = name
        return name
    }
}

extension TopicName {
    /// The name of what came from a wire; `nil` for what is none: it has too many segments, or U+0000.
    package init?(_ wire: String, in form: NameForm) {
        self.init(DottedName(wire, in: form))
        guard name.isValid else { return nil }
    }
}
