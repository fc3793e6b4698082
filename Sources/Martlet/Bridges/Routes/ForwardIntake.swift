/// What a route remembers of the messages that come in: of interest only to the task that reads them.
struct ForwardIntake {
    private var topics: TopicMap?
    private var sampler: Sampler
    private var bucket: TokenBucket?
    private var deletions = DeletionMemory()

    init(_ leg: ForwardLeg, now: Duration) throws {
        if case .topics(let template) = leg.sink { topics = TopicMap(leg.pattern, try TopicTemplate(template)) }
        sampler = Sampler(leg.options.sampling)
        bucket = leg.options.rate.map { TokenBucket($0, now: now) }
    }

    /// Where a message goes: the topic it is published to, or for a queue the one it came from. `nil` if there is none.
    mutating func topic(for delivery: Delivery, _ leg: ForwardLeg) -> TopicName? {
        topics == nil ? delivery.topic : topics?.topic(for: delivery)
    }

    mutating func samples(_ topic: TopicName, at now: Duration) -> Bool {
        sampler.takes(topic, at: now)
    }

    /// Whether an empty message may go on bare, as the deletion of what a sink without headers keeps for the topic.
    mutating func mayDelete(_ topic: TopicName) -> Bool { deletions.begins(topic) }

    /// Something else goes on to the topic.
    mutating func passes(_ topic: TopicName) { deletions.forget(topic) }

    /// How long the next message has to wait; `nil` if it need not.
    mutating func waitForRate(at now: Duration) -> Duration? {
        bucket?.take(at: now)
    }
}
