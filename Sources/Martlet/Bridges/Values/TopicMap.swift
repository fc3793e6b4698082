/// Which topic a route makes of each that comes in, remembered for the latest of them: most routes see few topics.
struct TopicMap {
    private static var limit: Int { 4_096 }

    private let pattern: TopicPattern
    private let template: TopicTemplate
    private var known: [TopicName: TopicName] = [:]

    init(_ pattern: TopicPattern, _ template: TopicTemplate) {
        self.pattern = pattern
        self.template = template
    }

    /// The topic to publish to; `nil` if none can be made.
    mutating func topic(for delivery: Delivery) -> TopicName? {
        if template.usesOrigin {
            return template.topic(
                for: delivery.topic,
                matching: pattern,
                origin: delivery.message.headers[Headers.Standard.bridgeOrigin]?.string.map { TopicName($0) }
            )
        }
        if let topic = known[delivery.topic] { return topic }
        guard let topic = template.topic(for: delivery.topic, matching: pattern) else { return nil }
        if known.count >= Self.limit { known.removeAll(keepingCapacity: true) }
        known[delivery.topic] = topic
        return topic
    }
}
