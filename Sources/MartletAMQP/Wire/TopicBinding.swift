import Martlet

extension WireNames {
    /// Routing keys and queues: short strings (AMQP 0-9-1, 4.2.5.3).
    static let amqp = WireNames(.dotted, broker: "AMQP", maximumBytes: ShortText.maximumBytes)
}

extension ServerMethod.Delivery {
    /// The topic that the message was published to; `nil` if its routing key is no text, or holds U+0000: it has no name.
    var topic: TopicName? { isKeyText ? TopicName(routingKey, in: .dotted) : nil }
}

/// How a queue is bound to a topic exchange for a pattern, and what of that is to be left out. A pure value.
///
/// An exchange knows no wildcard that is meant by itself, and no key that it keeps for itself: such bindings let in too
/// much. The empty key has no word for it, so that `*` lets in too little: it is bound apart.
struct TopicBinding {
    /// One or two of them.
    let keys: [String]
    private let pattern: TopicPattern
    /// Whether the binding means what the pattern does, but for keys that begin with `$`.
    private let isExact: Bool
    /// Whether a key that begins with `$` is let in and not meant.
    private let letsReservedIn: Bool

    init(_ pattern: TopicPattern) {
        self.pattern = pattern
        letsReservedIn = pattern.beginsWithWildcard
        var isExact = true
        let words = pattern.segments.map { segment in
            switch segment {
            case .one: return "*"
            case .rest: return "#"
            case .literal(let text):
                let word = NameForm.dotted.text(of: text)
                guard word == "*" || word == "#" else { return word }
                isExact = false
                return "*"
            }
        }
        self.isExact = isExact
        let key = words.joined(separator: ".")
        let missesEmpty = pattern.matches("") && !key.isEmpty && key != "#"
        keys = missesEmpty ? [key, ""] : [key]
    }

    /// Whether a message that the binding let in is meant.
    func isMeant(_ delivery: ServerMethod.Delivery) -> Bool {
        if isExact { return !(letsReservedIn && delivery.routingKey.utf8.first == UInt8(ascii: "$")) }
        return delivery.topic.map(pattern.matches) ?? false
    }

    /// What binds a queue.
    func methods(for queue: String, to exchange: String) -> [ClientMethod] {
        keys.map { .bindQueue(AMQPBinding(from: exchange, to: queue, routingKey: $0)) }
    }
}
