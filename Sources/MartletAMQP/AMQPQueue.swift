import Martlet

/// A queue to be declared.
public struct AMQPQueue: Sendable, Hashable {
    /// Its name, at most 255 bytes. Empty: the broker makes one up and tells it in the answer.
    public var name: String
    /// Whether it outlives a restart of the broker.
    public var isDurable: Bool
    /// Whether only this connection may use it; it goes when the link does, and is declared again on the next one, once
    /// the broker has noticed that the old one is gone.
    public var isExclusive: Bool
    /// Whether it goes when its last consumer has gone.
    public var isAutoDeleted: Bool
    /// Whatever else: `x-message-ttl`, `x-max-length`, `x-queue-type`, … There are properties for the usual ones.
    public var arguments: AMQPTable

    /// Durable and nothing else, unless told.
    public init(
        _ name: String,
        isDurable: Bool = true,
        isExclusive: Bool = false,
        isAutoDeleted: Bool = false,
        arguments: AMQPTable = [:]
    ) {
        self.name = name
        self.isDurable = isDurable
        self.isExclusive = isExclusive
        self.isAutoDeleted = isAutoDeleted
        self.arguments = arguments
    }

    /// A queue of Martlet's own that goes when nobody has used it for a while.
    ///
    /// It is durable, since newer brokers permit none that is neither that nor exclusive. What it holds is worth little: so it is
    /// on one node, whatever the virtual host's default is.
    static func passing(_ name: String, after expiry: Duration) -> AMQPQueue {
        var queue = AMQPQueue(name)
        queue.kind = .classic
        queue.expiry = expiry
        return queue
    }

    func validate() throws {
        try ShortText.check(name, "a queue's name")
        try arguments.validate()
    }

    /// What a queue is made of.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The name on the wire.
        public let rawValue: String
        /// A type of its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// On one node of the broker.
        public static let classic = Kind(rawValue: "classic")
        /// On several nodes of a cluster: it survives as long as most of them do. It is durable and never exclusive.
        public static let quorum = Kind(rawValue: "quorum")
        /// A log, which is none of the verbs' queues.
        static let stream = Kind(rawValue: "stream")
    }

    /// What it is made of (`x-queue-type`); `nil`: what the virtual host has as its default.
    public var kind: Kind? {
        get { text("x-queue-type").map(Kind.init(rawValue:)) }
        set { arguments["x-queue-type"] = newValue.map { .string($0.rawValue) } }
    }

    /// After how long a message is worthless (`x-message-ttl`, whole milliseconds); `nil`: never.
    public var messageExpiry: Duration? {
        get { integer("x-message-ttl").map { .milliseconds($0) } }
        set { arguments["x-message-ttl"] = newValue.map { .int64($0.wholeMilliseconds) } }
    }

    /// After how long without use the broker deletes it (`x-expires`, whole milliseconds); `nil`: never.
    public var expiry: Duration? {
        get { integer("x-expires").map { .milliseconds($0) } }
        set { arguments["x-expires"] = newValue.map { .int64($0.wholeMilliseconds) } }
    }

    /// How many messages may wait (`x-max-length`); `nil`: any number.
    public var maximumLength: Int? {
        get { integer("x-max-length").map { Int(clamping: $0) } }
        set { arguments["x-max-length"] = newValue.map { .int64(Int64($0)) } }
    }

    /// What becomes of a message too many (`x-overflow`): `drop-head`, `reject-publish`, `reject-publish-dlx`; `nil`: the
    /// oldest one is dropped.
    public var overflow: String? {
        get { text("x-overflow") }
        set { arguments["x-overflow"] = newValue.map(AMQPValue.string) }
    }

    /// Where messages go that were rejected, are expired or too many (`x-dead-letter-exchange`).
    public var deadLetterExchange: String? {
        get { text("x-dead-letter-exchange") }
        set { arguments["x-dead-letter-exchange"] = newValue.map(AMQPValue.string) }
    }

    /// With what routing key they go there (`x-dead-letter-routing-key`); `nil`: their own.
    public var deadLetterRoutingKey: String? {
        get { text("x-dead-letter-routing-key") }
        set { arguments["x-dead-letter-routing-key"] = newValue.map(AMQPValue.string) }
    }

    /// The highest priority of a message (`x-max-priority`); `nil`: priorities do not count. Not for quorum queues.
    public var maximumPriority: Int? {
        get { integer("x-max-priority").map { Int(clamping: $0) } }
        set { arguments["x-max-priority"] = newValue.map { .int64(Int64($0)) } }
    }

    private func text(_ name: String) -> String? {
        if case .string(let text) = arguments[name] { text } else { nil }
    }

    private func integer(_ name: String) -> Int64? { arguments[name]?.integer }
}

extension AMQPValue {
    /// The number, whatever its size; `nil` for everything else.
    var integer: Int64? {
        switch self {
        case .int8(let value): Int64(value)
        case .uint8(let value): Int64(value)
        case .int16(let value): Int64(value)
        case .uint16(let value): Int64(value)
        case .int32(let value): Int64(value)
        case .uint32(let value): Int64(value)
        case .int64(let value): value
        case .uint64(let value): Int64(exactly: value)
        default: nil
        }
    }
}
