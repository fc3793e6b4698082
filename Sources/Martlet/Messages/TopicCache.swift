/// The names that a connection has told topics by of late: most see few topics, and many messages of each.
package struct TopicCache: ~Copyable {
    private static var limit: Int { 1_024 }
    private static var maximumBytes: Int { 256 }

    private var names: [String: TopicName] = [:]

    package init() {}

    /// The name of a topic on the wire.
    ///
    /// - Parameter make: makes it, where it is not remembered.
    package mutating func name(of wire: String, _ make: (String) -> TopicName) -> TopicName {
        if let name = names[wire] { return name }
        let name = make(wire)
        guard wire.utf8.count <= Self.maximumBytes else { return name }
        if names.count >= Self.limit { names.removeAll(keepingCapacity: true) }
        names[wire] = name
        return name
    }
}
