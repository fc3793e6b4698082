/// Which kept messages a route has deleted at a sink that has no place for headers. A pure value.
///
/// There only a bare message deletes, and a bare message can't be marked. So that none goes in a circle for ever, each
/// topic is deleted once: again when something else has passed meanwhile.
struct DeletionMemory: Sendable {
    private let limit: Int
    private var topics: Set<TopicName> = []

    /// - Parameter limit: how many topics are remembered. None is forgotten for another: with too many in a circle that
    ///   would go on for ever.
    init(limit: Int = 100_000) {
        self.limit = limit
    }

    /// Whether a deletion may pass bare; it is remembered.
    mutating func begins(_ topic: TopicName) -> Bool {
        topics.count < limit && topics.insert(topic).inserted
    }

    /// Something else passes.
    mutating func forget(_ topic: TopicName) {
        if !topics.isEmpty { topics.remove(topic) }
    }
}
