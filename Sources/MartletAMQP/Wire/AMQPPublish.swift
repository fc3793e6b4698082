/// A message as it is given to the encoder.
struct AMQPPublish: Sendable {
    /// The header by which a message that the broker returns is known again: `basic.return` says nothing else of which
    /// of several messages comes back. It is taken off again by who receives it.
    static let returnHeader = "x-martlet-return"

    var exchange: String
    var routingKey: String
    var isMandatory: Bool
    var properties: AMQPProperties
    var body: [UInt8]
    /// Set for those that the broker may return.
    var returnNumber: UInt64?
}
