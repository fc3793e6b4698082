import DequeModule
import Martlet

/// Messages of a session that the broker had kept, which came before anyone here had subscribed to them. They wait
/// for their first subscriber. A pure value.
struct Orphans {
    static var limit: Int { 1_000 }

    /// Whether such messages are to be kept.
    var isKept = false
    private var messages: Deque<(key: TopicName, message: ReceivedMessage)> = []

    /// - Returns: whether one had to be dropped for it.
    mutating func add(_ message: ReceivedMessage, key: TopicName) -> Bool {
        messages.append((key, message))
        guard messages.count > Self.limit else { return false }
        messages.removeFirst()
        return true
    }

    /// Takes out those that a filter matches, in the order in which they came.
    mutating func take(matching pattern: TopicPattern) -> [ReceivedMessage] {
        guard !messages.isEmpty else { return [] }
        let taken = messages.filter { pattern.matches($0.key) }.map(\.message)
        messages.removeAll { pattern.matches($0.key) }
        return taken
    }
}
