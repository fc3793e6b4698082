/// The header inside the body of a message, as commlib-py's `MessageHeader`; free to use in messages of one's own.
///
/// What Martlet itself needs travels in ``Headers``, beside the body. This one is for peers that look for it inside.
/// Each header gets the time of its making; fields that a peer leaves out take their defaults.
public struct MessageHeader: Sendable, Hashable {
    /// Identifies the message: a number or text. `-1` means that nobody gave it one.
    public var messageID: HeaderValue
    /// Identifies the sender: a number or text. Empty means that it did not say.
    public var nodeID: HeaderValue
    /// What made the message.
    public var agent: String
    /// When it was made: nanoseconds since 1970.
    public var timestamp: Int64
    /// Whatever else belongs to it. Values that are no text, number or truth value are skipped when read.
    public var properties: [String: HeaderValue]

    /// A header of this moment, from nobody in particular, unless told.
    public init(
        messageID: HeaderValue = -1,
        nodeID: HeaderValue = "",
        agent: String = "martlet",
        timestamp: Int64? = nil,
        properties: [String: HeaderValue] = [:]
    ) {
        self.messageID = messageID
        self.nodeID = nodeID
        self.agent = agent
        self.timestamp = timestamp ?? WallClock.nanoseconds
        self.properties = properties
    }
}
