/// Which messages of a topic a route takes; the others are dropped, and counted.
public enum Sampling: Sendable, Hashable {
    /// All of them.
    case all
    /// The first one and each so-many-th after it.
    case every(Int)
    /// The first one and each that comes when the time since the last one taken is over.
    case interval(Duration)
}

/// Which messages of a topic are taken. A pure value that remembers a bounded number of topics; one that is forgotten
/// begins anew.
struct Sampler: Sendable {
    private static var limit: Int { 10_000 }

    private let sampling: Sampling
    private var counts: [TopicName: Int] = [:]
    private var times: [TopicName: Duration] = [:]

    init(_ sampling: Sampling) {
        self.sampling = sampling
    }

    mutating func takes(_ topic: TopicName, at now: Duration) -> Bool {
        switch sampling {
        case .all:
            return true
        case .every(let number):
            let count = counts[topic] ?? 0
            if counts.count >= Self.limit, counts[topic] == nil { counts.removeAll(keepingCapacity: true) }
            counts[topic] = (count + 1) % number
            return count == 0
        case .interval(let interval):
            if let last = times[topic], now - last < interval { return false }
            if times.count >= Self.limit, times[topic] == nil { times.removeAll(keepingCapacity: true) }
            times[topic] = now
            return true
        }
    }
}
