/// The messages that a broker keeps for those who subscribe later: one a topic.
///
/// Those by which the broker says how it stands count in no limit: a program that has as many as it may is not to lose sight of the
/// broker by that, and how many of its own a broker may keep does not depend on how much the broker tells.
struct RetainedMessages: Sendable {
    /// For how many topics a message may be kept.
    let limit: Int
    /// How many bytes the bodies of all of them may have together.
    let byteLimit: Int
    /// How many bytes those that count have, and how many do not count.
    private var bytes = 0
    private var uncounted = 0
    private var kept = TopicTable<BrokerPublication>()
    private var deadlines = Deadlines<TopicName>()

    init(limit: Int, byteLimit: Int) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// How many are kept.
    var count: Int { kept.count }

    /// When the next message expires.
    var nextDeadline: Duration? { deadlines.next }

    /// Whether a message can be kept. One that deletes another always can.
    func hasRoom(for publication: BrokerPublication) -> Bool {
        let size = publication.message.body.count
        guard size > 0, !publication.isOfBroker else { return true }
        guard kept.count - uncounted >= limit || bytes + size > byteLimit else { return true }
        guard let old = kept[publication.topic], !old.isOfBroker else { return false }
        return bytes - old.message.body.count + size <= byteLimit
    }

    /// Keeps a message until it expires, in place of the one before. An empty message deletes that.
    mutating func keep(_ publication: BrokerPublication) {
        let topic = publication.topic
        deadlines.forget(topic)
        if let old = kept[topic] { count(old, -1) }
        guard !publication.message.body.isEmpty else {
            kept.remove(topic)
            return
        }
        count(publication, 1)
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

    /// All that are kept, in no particular order.
    var all: some Sequence<BrokerPublication> { kept.all }

    /// - Returns: the topics for which nothing is kept any more.
    mutating func expire(at now: Duration) -> [TopicName] {
        var expired: [TopicName] = []
        while let topic = deadlines.popDue(at: now) {
            if let old = kept[topic] { count(old, -1) }
            kept.remove(topic)
            expired.append(topic)
        }
        return expired
    }

    /// Counts a message that has come, or one that is gone.
    private mutating func count(_ publication: BrokerPublication, _ difference: Int) {
        if publication.isOfBroker {
            uncounted += difference
        } else {
            bytes += difference * publication.message.body.count
        }
    }
}
