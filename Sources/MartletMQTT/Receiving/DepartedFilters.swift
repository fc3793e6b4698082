import DequeModule
import Martlet

/// The latest filters that this process has unsubscribed from: what still comes by them is for nobody. A pure value.
struct DepartedFilters {
    static let limit = 1_000

    private struct Entry {
        let id: Int
        let key: TopicPattern
        let order: Int
    }

    private var entries: [ByteKey: Entry] = [:]
    private var index = FilterIndex<Int>()
    private var texts: [Int: ByteKey] = [:]
    private var order: Deque<(text: ByteKey, order: Int)> = []
    private var lastOrder = 0

    mutating func add(_ text: String, _ id: Int, _ key: TopicPattern) {
        remove(text)
        lastOrder += 1
        let text = ByteKey(text)
        entries[text] = Entry(id: id, key: key, order: lastOrder)
        texts[id] = text
        index.insert(id, id: lastOrder, for: key)
        order.append((text, lastOrder))
        while order.count > Self.limit, let oldest = order.popFirst() {
            if entries[oldest.text]?.order == oldest.order { remove(oldest.text.text) }
        }
    }

    /// It is subscribed to again.
    mutating func remove(_ text: String) {
        guard let entry = entries.removeValue(forKey: ByteKey(text)) else { return }
        texts[entry.id] = nil
        index.remove(id: entry.order, for: entry.key)
    }

    /// Whether one of them has that number.
    func contains(_ id: Int) -> Bool { texts[id] != nil }

    /// Whether a message came by one of them.
    func matches(_ topic: String, id: Int, _ name: @autoclosure () -> TopicName?) -> Bool {
        guard let text = texts[id], let entry = entries[text] else { return false }
        return name().map { entry.key.matches($0) } ?? false
    }

    /// Whether one of them matches a topic.
    func matches(_ name: TopicName) -> Bool {
        var matches = false
        index.forEachMatch(of: name) { _ in matches = true }
        return matches
    }
}
