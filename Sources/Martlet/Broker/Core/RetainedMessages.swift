/// The messages that a broker keeps for those who subscribe later: one a topic.
struct RetainedMessages: Sendable {
    private struct Kept: Sendable {
        let message: Message
        let expiresAt: Duration?
    }

    /// For how many topics a message may be kept.
    let limit: Int
    private var kept = TopicTable<Kept>()
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

    /// Keeps a message until a time, in place of the one before. An empty message deletes that.
    mutating func keep(_ message: Message, for topic: TopicName, until time: Duration?) {
        deadlines.forget(topic)
        guard !message.body.isEmpty else {
            kept.remove(topic)
            return
        }
        kept.set(Kept(message: message, expiresAt: time), for: topic)
        if let time { deadlines.note(topic, at: time) }
    }

    /// What is kept for the topics of a pattern, in the order of their names.
    func messages(for pattern: TopicPattern, now: Duration) -> [(topic: TopicName, message: Message)] {
        kept.topics(matching: pattern).sorted { $0.text < $1.text }.compactMap { topic in
            guard let kept = kept[topic], kept.expiresAt.map({ $0 > now }) ?? true else { return nil }
            return (topic, kept.message)
        }
    }

    mutating func expire(at now: Duration) {
        while let topic = deadlines.popDue(at: now) { kept.remove(topic) }
    }
}
