import OrderedCollections

/// What was last published to each topic, and when. A pure value.
///
/// It remembers a bounded number of topics; one that is forgotten counts as changed.
struct ChangeMemory {
    private struct Last {
        let body: [UInt8]
        let time: Duration
    }

    private let limit: Int
    private var last: OrderedDictionary<TopicName, Last> = [:]

    init(limit: Int) {
        self.limit = limit
    }

    func isDue(_ body: [UInt8], for topic: TopicName, at time: Duration, filter: ChangeFilter) -> Bool {
        guard case .onlyIfChanged(let maximumAge) = filter, let last = last[topic], last.body == body else {
            return true
        }
        return maximumAge.map { time - last.time >= $0 } ?? false
    }

    mutating func published(_ body: [UInt8], to topic: TopicName, at time: Duration) {
        if last.count >= limit, last[topic] == nil { last.removeFirst() }
        last[topic] = Last(body: body, time: time)
    }
}
