/// The messages that a broker keeps for those who subscribe later: one a topic.
struct RetainedMessages: Sendable {
    /// For how many topics a message may be kept.
    let limit: Int
    private var kept = TopicTable<BrokerPublication>()
    private var deadlines = Deadlines<TopicName>()

    init(limit: Int) {
        self.limit = limit
    }

    /// When the next message expires.
    var nextDeadline: Duration? { deadlines.next }

    /// Whether a message for a topic can be kept.
    func hasRoom(for topic: TopicName) -> Bool {
        kept.count < limit || kept[topic] != nil
    }

    /// Keeps a message until it expires, in place of the one before. An empty message deletes that.
    mutating func keep(_ publication: BrokerPublication) {
        let topic = publication.topic
        deadlines.forget(topic)
        guard !publication.message.body.isEmpty else {
            kept.remove(topic)
            return
        }
        kept.set(publication, for: topic)
        if let time = publication.expiresAt { deadlines.note(topic, at: time) }
    }

    /// The topics of a pattern for which something is kept, in no particular order.
    func topics(of pattern: TopicPattern) -> [TopicName] { kept.topics(matching: pattern) }

    /// What is kept for a topic.
    func message(for topic: TopicName, now: Duration) -> BrokerPublication? {
        guard let kept = kept[topic], kept.expiresAt.map({ $0 > now }) ?? true else { return nil }
        return kept
    }

    mutating func expire(at now: Duration) {
        while let topic = deadlines.popDue(at: now) { kept.remove(topic) }
    }
}
