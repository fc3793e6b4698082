import OrderedCollections

/// What was last published to each topic, or is being published, and when. A pure value.
///
/// It remembers a bounded number of topics; one that is forgotten counts as changed.
struct ChangeMemory: Sendable {
    private struct Last {
        let body: [UInt8]
        let time: Duration
        let number: UInt64
        var hasArrived = false
    }

    private let limit: Int
    private let maximumBytes: Int
    private var last: OrderedDictionary<TopicName, Last> = [:]
    private var bytes = 0
    private var lastNumber: UInt64 = 0

    /// - Parameters:
    ///   - limit: how many topics are remembered.
    ///   - maximumBytes: how many bytes their bodies may have together; those of the last one do not count.
    init(limit: Int, maximumBytes: Int = 64 << 20) {
        self.limit = limit
        self.maximumBytes = maximumBytes
    }

    func isDue(_ body: [UInt8], for topic: TopicName, at time: Duration, filter: ChangeFilter) -> Bool {
        // One that is under way may not arrive. What is like it is then not to be missing.
        guard case .onlyIfChanged(let maximumAge) = filter, let last = last[topic], last.hasArrived, last.body == body
        else { return true }
        return maximumAge.map { time - last.time >= $0 } ?? false
    }

    /// Remembers a body whose publish begins. A value that comes meanwhile is compared with this one, which may arrive whatever
    /// becomes of the publish.
    ///
    /// - Returns: a number, by which its outcome is told.
    mutating func publishes(_ body: [UInt8], to topic: TopicName, at time: Duration) -> UInt64 {
        lastNumber += 1
        let former = last.updateValue(Last(body: body, time: time, number: lastNumber), forKey: topic)
        bytes += body.count - (former?.body.count ?? 0)
        while last.count > 1, last.count > limit || bytes > maximumBytes {
            bytes -= last.removeFirst().value.body.count
        }
        return lastNumber
    }

    /// A publish is done. Its body counts, unless another publish has begun since.
    mutating func arrived(_ topic: TopicName, _ number: UInt64) {
        guard let index = last.index(forKey: topic), last.values[index].number == number else { return }
        last.values[index].hasArrived = true
    }

    /// A publish has failed. Nobody knows what its topic has now, unless another one has begun since.
    mutating func forget(_ topic: TopicName, _ number: UInt64) {
        guard let index = last.index(forKey: topic), last.values[index].number == number else { return }
        bytes -= last.remove(at: index).value.body.count
    }
}
