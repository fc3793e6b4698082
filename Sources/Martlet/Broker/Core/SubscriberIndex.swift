/// A client's subscription, as far as a message to it needs it.
struct Subscriber: Sendable {
    let recipient: Recipient
    /// Whether it is told which messages are published to be kept.
    let retainAsPublished: Bool
    /// Whether all it gets is of one topic, so that no message needs to say which.
    let knowsTopic: Bool
}

/// Finds the subscribers of a topic.
///
/// Most messages go where others have gone before, so it remembers the subscribers of topics that were used lately. When
/// a subscription comes or goes it forgets the topics that its pattern matches, and no others.
struct SubscriberIndex: Sendable {
    /// For how many topics it remembers the subscribers.
    private let cachedTopics: Int
    private var index = FilterIndex<Subscriber>()
    private var matches = TopicTable<[Subscriber]>()
    /// The match of the latest topic, which is often the next one as well.
    private var latest: (topic: TopicName, subscribers: [Subscriber])?
    /// How often subscribers were looked for because they were not remembered.
    private(set) var searches = 0

    init(cachedTopics: Int) {
        self.cachedTopics = cachedTopics
    }

    mutating func subscribers(of topic: TopicName) -> [Subscriber] {
        if let latest, latest.topic.isSame(as: topic) { return latest.subscribers }
        let subscribers = matches[topic] ?? search(topic)
        latest = (topic, subscribers)
        return subscribers
    }

    private mutating func search(_ topic: TopicName) -> [Subscriber] {
        searches += 1
        var subscribers: [Subscriber] = []
        index.forEachMatch(of: topic) { subscribers.append($0) }
        if matches.count >= cachedTopics { matches.removeAll() }
        matches.set(subscribers, for: topic)
        return subscribers
    }

    /// Adds a subscription. Its identifier is greater than all before it.
    mutating func insert(_ subscriber: Subscriber, id: Int, for pattern: TopicPattern) {
        index.insert(subscriber, id: id, for: pattern)
        forget(pattern)
    }

    mutating func remove(id: Int, for pattern: TopicPattern) {
        index.remove(id: id, for: pattern)
        forget(pattern)
    }

    private mutating func forget(_ pattern: TopicPattern) {
        for topic in matches.topics(matching: pattern) { matches.remove(topic) }
        latest = nil
    }
}
