import Martlet

/// The properties of a message (AMQP 0-9-1, 1.8.1): all fourteen. Texts have at most 255 bytes.
public struct AMQPProperties: Sendable, Hashable {
    /// The media type of the body.
    public var contentType: String?
    /// How the body is encoded, such as `gzip` or `utf8`.
    public var contentEncoding: String?
    /// Whatever else travels beside the body.
    public var headers: AMQPTable?
    /// 2: a durable queue keeps the message through a restart of the broker. 1: it does not.
    public var deliveryMode: UInt8?
    /// From 0 to 255, for queues that were declared with `x-max-priority`.
    public var priority: UInt8?
    /// Ties a reply to its request.
    public var correlationID: String?
    /// Where the reply goes.
    public var replyTo: String?
    /// After how many milliseconds the message is worthless, in digits. RabbitMQ refuses anything else.
    public var expiration: String?
    /// Identifies the message.
    public var messageID: String?
    /// When the message was made: seconds since 1970. commlib-py puts nanoseconds there.
    public var timestamp: UInt64?
    /// What kind of message it is.
    public var type: String?
    /// Who sent it. RabbitMQ refuses any name but that of the connection's user.
    public var userID: String?
    /// Which application sent it.
    public var appID: String?
    /// Of older versions of AMQP.
    public var clusterID: String?

    /// None of them, unless told.
    public init(
        contentType: String? = nil,
        contentEncoding: String? = nil,
        headers: AMQPTable? = nil,
        deliveryMode: UInt8? = nil,
        priority: UInt8? = nil,
        correlationID: String? = nil,
        replyTo: String? = nil,
        expiration: String? = nil,
        messageID: String? = nil,
        timestamp: UInt64? = nil,
        type: String? = nil,
        userID: String? = nil,
        appID: String? = nil,
        clusterID: String? = nil
    ) {
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.headers = headers
        self.deliveryMode = deliveryMode
        self.priority = priority
        self.correlationID = correlationID
        self.replyTo = replyTo
        self.expiration = expiration
        self.messageID = messageID
        self.timestamp = timestamp
        self.type = type
        self.userID = userID
        self.appID = appID
        self.clusterID = clusterID
    }

    /// Headers whose values RabbitMQ routes by, as by further routing keys: an array of texts. It closes the channel for
    /// anything else.
    static let routingHeaders: Set<String> = ["CC", "BCC"]

    /// Throws `MessagingError.Code.invalidArgument` for what AMQP can't carry.
    func validate() throws {
        for (text, name) in [
            (contentType, "contentType"), (contentEncoding, "contentEncoding"), (correlationID, "correlationID"),
            (replyTo, "replyTo"), (expiration, "expiration"), (messageID, "messageID"), (type, "type"),
            (userID, "userID"), (appID, "appID"), (clusterID, "clusterID"),
        ] {
            if let text { try ShortText.check(text, "the property \(name)") }
        }
        if let expiration, expiration.isEmpty || !expiration.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            throw MessagingError(
                .invalidArgument,
                "the property expiration is \(quoted(expiration)); it is a number of milliseconds"
            )
        }
        for name in Self.routingHeaders {
            guard let value = headers?[name] else { continue }
            guard case .array = value else {
                throw MessagingError(
                    .invalidArgument,
                    "the header \(name) is no array: the broker takes it for further routing keys"
                )
            }
        }
        try headers?.validate()
    }

    /// No fewer bytes than it takes on the wire.
    var sizeBound: Int { 14 * 256 + (headers?.sizeBound ?? 0) }
}
