/// Decides which of the messages that come in are passed on, where to, and in which form. Of interest only to the task
/// that reads them. But for the IDs and bodies that it looks up in the route's memory it is a pure value.
struct ForwardIntake {
    /// The decision on a message.
    enum Decision: Equatable {
        case take
        /// It is dropped, and counted there.
        case drop(WritableKeyPath<RouteStatistics, Int>)
        /// It can't be passed on.
        case bury(MessagingError)

        static func == (a: Decision, b: Decision) -> Bool {
            switch (a, b) {
            case (.take, .take): true
            case (.drop(let a), .drop(let b)): a == b
            case (.bury(let a), .bury(let b)): a.code == b.code
            default: false
            }
        }
    }

    private let direction: ForwardDirection
    private let source: Capabilities
    private let sink: Capabilities
    private let mark: BridgeMark
    private let memory: ForwardMemory
    /// Whether the address of a reply means the same on both sides.
    private let keepsReplyTo: Bool
    private var topics: TopicMap?
    private var sampler: Sampler
    private var bucket: TokenBucket?
    private var deletions = DeletionMemory()

    init(
        _ direction: ForwardDirection,
        from source: Capabilities,
        to sink: Capabilities,
        mark: BridgeMark,
        memory: ForwardMemory,
        keepsReplyTo: Bool = false,
        now: Duration
    ) throws {
        self.direction = direction
        self.source = source
        self.sink = sink
        self.mark = mark
        self.memory = memory
        self.keepsReplyTo = keepsReplyTo
        if case .topics(let template) = direction.sink {
            topics = TopicMap(direction.pattern, try TopicTemplate(template))
        }
        sampler = Sampler(direction.options.sampling)
        bucket = direction.options.rate.map { TokenBucket($0, now: now) }
    }

    /// Whether a message has passed before, or is a duplicate; remembers its ID as under way if it is not.
    ///
    /// - Returns: where it is counted if it is dropped.
    func screen(_ entry: inout ForwardEntry) -> WritableKeyPath<RouteStatistics, Int>? {
        guard mark.verdict(on: entry.delivery.message.headers) == .pass else { return \.looped }
        guard memory.looksForDuplicates, let id = entry.delivery.message.headers.messageID,
            id.utf8.count <= DuplicateWindow.longest
        else { return nil }
        switch memory.begin(id) {
        case .arrived: return \.duplicates
        case .underWay: entry.isRepeated = true
        case .new: break
        }
        entry.id = id
        return nil
    }

    /// Finds a message's topic, and whether it is to be passed on, as far as that is a matter of its body and its time.
    mutating func select(_ entry: inout ForwardEntry) -> Decision {
        if topics != nil {
            guard let topic = topics?.topic(for: entry.delivery) else {
                let text = "no topic can be made of \(quoted(entry.topic.text)) by \(quoted(direction.name))"
                return .bury(MessagingError(.invalidTopic, text))
            }
            entry.topic = topic
        }
        guard memory.isDue(entry) else { return .drop(\.unchanged) }
        guard sampler.takes(entry.topic, at: entry.begun) else { return .drop(\.sampledOut) }
        return .take
    }

    /// How long the next message has to wait; `nil` if it need not, and then it counts.
    mutating func waitForRate(at now: @autoclosure () -> Duration) -> Duration? {
        bucket?.take(at: now())
    }

    /// Gives a message the form in which it is passed on.
    ///
    /// - Returns: whether the bridge's mark may be written on it.
    mutating func prepare(_ entry: inout ForwardEntry) -> Bool {
        // An address of one broker means nothing at another.
        if !keepsReplyTo, !entry.message.headers.isEmpty { entry.message.headers.replyTo = nil }
        entry.retain = isRetained(entry.delivery)
        let isBareDeletion = entry.retain && entry.message.body.isEmpty && !sink.contains(.separateHeaders)
        guard isBareDeletion else {
            deletions.forget(entry.topic)
            return true
        }
        if deletions.begins(entry.topic) {
            // In an envelope it would be kept.
            entry.message.headers = Headers()
            return false
        }
        // It was deleted already, and this may be that very message, from a circle.
        entry.retain = false
        return true
    }

    private func isRetained(_ delivery: Delivery) -> Bool {
        guard case (.topics, .topics) = (direction.source, direction.sink), sink.contains(.retain) else { return false }
        switch direction.options.retain {
        case .all: return true
        case .kept:
            if delivery.isRetained || direction.isToldOfRetained(by: source) { return delivery.isRetained }
            // A kept message is deleted by an empty one, and empty messages are rarely anything else.
            return delivery.message.body.isEmpty && source.contains(.retain)
        case .none: return false
        }
    }
}

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
