import OrderedCollections

/// What was last published to each topic, and when. A pure value.
///
/// It remembers a bounded number of topics; one that is forgotten counts as changed.
package struct ChangeMemory: Sendable {
    private struct Last {
        let body: [UInt8]
        let time: Duration
    }

    private let limit: Int
    private let maximumBytes: Int
    private var last: OrderedDictionary<TopicName, Last> = [:]
    private var bytes = 0

    /// - Parameters:
    ///   - limit: how many topics are remembered.
    ///   - maximumBytes: how many bytes their bodies may have together; those of the last one do not count.
    package init(limit: Int, maximumBytes: Int = 64 << 20) {
        self.limit = limit
        self.maximumBytes = maximumBytes
    }

    package func isDue(_ body: [UInt8], for topic: TopicName, at time: Duration, filter: ChangeFilter) -> Bool {
        guard case .onlyIfChanged(let maximumAge) = filter, let last = last[topic], last.body == body else {
            return true
        }
        return maximumAge.map { time - last.time >= $0 } ?? false
    }

    package mutating func published(_ body: [UInt8], to topic: TopicName, at time: Duration) {
        if let former = last.updateValue(Last(body: body, time: time), forKey: topic) { bytes -= former.body.count }
        bytes += body.count
        while last.count > 1, last.count > limit || bytes > maximumBytes {
            bytes -= last.removeFirst().value.body.count
        }
    }
}
