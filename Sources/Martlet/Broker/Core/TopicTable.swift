/// Values by topic: one is found by its name at once, and those of a pattern without a look at the others.
struct TopicTable<Value: Sendable>: Sendable {
    private var values: [TopicName: Value] = [:]
    private var names = TopicTree()

    var count: Int { values.count }
    var all: some Sequence<Value> { values.values }

    subscript(topic: TopicName) -> Value? { values[topic] }

    mutating func set(_ value: Value, for topic: TopicName) {
        if values.updateValue(value, forKey: topic) == nil { names.insert(topic) }
    }

    /// Removes the value of a topic.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    mutating func remove(_ topic: TopicName) -> Bool {
        guard values.removeValue(forKey: topic) != nil else { return false }
        names.remove(topic)
        return true
    }

    mutating func removeAll() {
        values.removeAll(keepingCapacity: true)
        names = TopicTree()
    }

    /// The topics of the table that a pattern matches, in no particular order.
    func topics(matching pattern: TopicPattern) -> [TopicName] {
        if let topic = pattern.onlyTopic { return values[topic] == nil ? [] : [topic] }
        var topics: [TopicName] = []
        names.forEachMatch(of: pattern) { topics.append($0) }
        return topics
    }
}
