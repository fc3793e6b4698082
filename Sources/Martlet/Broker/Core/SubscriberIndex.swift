import DequeModule

/// A client's subscription, as far as a message to it needs it.
struct Subscriber: Sendable {
    let recipient: Recipient
    /// Whether it is told which messages are published to be kept.
    let retainAsPublished: Bool
    /// Whether all it gets is of one topic, so that no message needs to say which.
    let knowsTopic: Bool
    /// What it shares with others.
    let share: SharedTurns.Share?
    /// Whether it is a session's, which takes messages while its client is absent.
    let isSession: Bool
}

/// Finds the subscribers of a topic.
///
/// Most messages go where others have gone before, so it remembers the subscribers of topics that were used lately. When a
/// subscription comes or goes, these matches stay: one that was made before is used again if none of the patterns that
/// have changed since matches its topic.
struct SubscriberIndex: Sendable {
    private struct Match: Sendable {
        let subscribers: [Subscriber]
        /// How many changes there had been when it was made or last checked.
        var changes: Int
    }

    /// How many changes a match may be behind. To check a few patterns is cheaper than a search.
    private static var rememberedChanges: Int { 8 }

    /// For how many topics it remembers the subscribers.
    private let cachedTopics: Int
    private var index = FilterIndex<Subscriber>()
    private var matches: [TopicName: Match] = [:]
    /// The match of the latest topic, which is often the next one as well.
    private var latest: (topic: TopicName, subscribers: [Subscriber])?
    /// How often a pattern with wildcards came or went.
    private var changes = 0
    /// The patterns that came or went last.
    private var changed: Deque<TopicPattern> = []
    /// How often subscribers were searched for because they were not remembered.
    private(set) var searches = 0

    init(cachedTopics: Int) {
        self.cachedTopics = cachedTopics
    }

    mutating func subscribers(of topic: TopicName) -> [Subscriber] {
        if let latest, latest.topic.isSame(as: topic) { return latest.subscribers }
        let subscribers = remembered(topic) ?? search(topic)
        latest = (topic, subscribers)
        return subscribers
    }

    private mutating func remembered(_ topic: TopicName) -> [Subscriber]? {
        guard let match = matches[topic] else { return nil }
        if match.changes == changes { return match.subscribers }
        let missed = changes - match.changes
        guard missed <= changed.count else { return nil }
        if changed.suffix(missed).contains(where: { $0.matches(topic) }) { return nil }
        matches[topic] = Match(subscribers: match.subscribers, changes: changes)
        return match.subscribers
    }

    private mutating func search(_ topic: TopicName) -> [Subscriber] {
        searches += 1
        var subscribers: [Subscriber] = []
        index.forEachMatch(of: topic) { subscribers.append($0) }
        if matches.count >= cachedTopics { matches.removeAll(keepingCapacity: true) }
        matches[topic] = Match(subscribers: subscribers, changes: changes)
        return subscribers
    }

    /// Adds a subscription. Its identifier is greater than all before it.
    mutating func insert(_ subscriber: Subscriber, id: Int, for pattern: TopicPattern) {
        index.insert(subscriber, id: id, for: pattern)
        noteChange(of: pattern)
    }

    mutating func remove(id: Int, for pattern: TopicPattern) {
        index.remove(id: id, for: pattern)
        noteChange(of: pattern)
    }

    private mutating func noteChange(of pattern: TopicPattern) {
        latest = nil
        if let topic = pattern.onlyTopic {
            matches[topic] = nil
        } else {
            changes += 1
            changed.append(pattern)
            if changed.count > Self.rememberedChanges { changed.removeFirst() }
        }
    }
}
