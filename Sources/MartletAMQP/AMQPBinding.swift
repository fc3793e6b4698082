import Martlet

/// What makes an exchange hand messages to a queue, or to another exchange.
public struct AMQPBinding: Sendable, Hashable {
    /// The exchange that messages come from.
    public var source: String
    /// The queue or exchange that they go to.
    public var destination: String
    /// What the exchange's rule compares with a message's routing key.
    public var routingKey: String
    /// Whatever else: for an exchange of type `headers`, what a message's headers are to be, and `x-match`.
    public var arguments: AMQPTable

    /// No routing key and no arguments, unless told.
    public init(from source: String, to destination: String, routingKey: String = "", arguments: AMQPTable = [:]) {
        self.source = source
        self.destination = destination
        self.routingKey = routingKey
        self.arguments = arguments
    }

    /// Equal bindings have the same names, byte by byte, and the same arguments.
    public static func == (a: AMQPBinding, b: AMQPBinding) -> Bool {
        a.source.hasSameBytes(as: b.source) && a.destination.hasSameBytes(as: b.destination)
            && a.routingKey.hasSameBytes(as: b.routingKey) && a.arguments == b.arguments
    }

    /// Hashes the names' bytes.
    public func hash(into hasher: inout Hasher) {
        for name in [source, destination, routingKey] { hasher.combine(ByteKey(name)) }
    }

    func validate() throws {
        try ShortText.check(source, "an exchange's name")
        try ShortText.check(destination, "the name of a binding's destination")
        try ShortText.check(routingKey, "a routing key")
        try arguments.validate()
    }
}
