/// A message as it is given to the encoder.
///
/// It passes through several hands: what does not change of it is one object, so that a copy costs a reference count.
struct AMQPPublish: Sendable {
    /// The header by which a message that the broker returns is known again: `basic.return` says nothing else of which
    /// of several messages comes back. It is taken off again by who receives it.
    static let returnHeader = "x-martlet-return"

    private final class Head: Sendable {
        let exchange: String
        let routingKey: String
        let isMandatory: Bool
        let properties: AMQPProperties

        init(exchange: String, routingKey: String, isMandatory: Bool, properties: AMQPProperties) {
            self.exchange = exchange
            self.routingKey = routingKey
            self.isMandatory = isMandatory
            self.properties = properties
        }
    }

    private var head: Head
    var body: [UInt8]
    /// Set for those that the broker may return.
    var returnNumber: UInt64?

    init(exchange: String, routingKey: String, isMandatory: Bool, properties: AMQPProperties, body: [UInt8]) {
        head = Head(exchange: exchange, routingKey: routingKey, isMandatory: isMandatory, properties: properties)
        self.body = body
    }

    var exchange: String { head.exchange }
    var routingKey: String { head.routingKey }
    var isMandatory: Bool { head.isMandatory }
    var properties: AMQPProperties {
        get { head.properties }
        set {
            head = Head(exchange: exchange, routingKey: routingKey, isMandatory: isMandatory, properties: newValue)
        }
    }
}
