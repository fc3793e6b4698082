import Martlet

/// An exchange to be declared: what takes messages from publishers and hands them to queues.
public struct AMQPExchange: Sendable, Hashable {
    /// By what rule an exchange picks the queues.
    public struct Kind: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral {
        /// The type's name on the wire. Plugins add others.
        public let rawValue: String
        /// A type of its name.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// A type of a literal.
        public init(stringLiteral name: String) { rawValue = name }

        /// Those bound with the message's routing key.
        public static let direct: Kind = "direct"
        /// Those bound with a pattern that matches the routing key: `*` is one word, `#` any number of them.
        public static let topic: Kind = "topic"
        /// All that are bound.
        public static let fanout: Kind = "fanout"
        /// Those whose binding's arguments match the message's headers.
        public static let headers: Kind = "headers"
    }

    /// Its name, at most 255 bytes. Those that begin with `amq.` are the broker's own.
    public var name: String
    /// Its type.
    public var kind: Kind
    /// Whether it outlives a restart of the broker.
    public var isDurable: Bool
    /// Whether it goes when the last queue was unbound from it.
    public var isAutoDeleted: Bool
    /// Whether only other exchanges may publish to it.
    public var isInternal: Bool
    /// Whatever else, such as `alternate-exchange`.
    public var arguments: AMQPTable

    /// Durable and nothing else, unless told.
    public init(
        _ name: String,
        kind: Kind = .direct,
        isDurable: Bool = true,
        isAutoDeleted: Bool = false,
        isInternal: Bool = false,
        arguments: AMQPTable = [:]
    ) {
        self.name = name
        self.kind = kind
        self.isDurable = isDurable
        self.isAutoDeleted = isAutoDeleted
        self.isInternal = isInternal
        self.arguments = arguments
    }

    func validate() throws {
        try ShortText.check(name, "an exchange's name")
        try ShortText.check(kind.rawValue, "an exchange's type")
        try arguments.validate()
    }
}
