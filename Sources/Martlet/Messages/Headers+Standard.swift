/// The headers that Martlet itself writes and reads.
///
/// A header of the wrong type (a `timeout` that is no number) reads as absent: what comes from the network
/// never traps. Peers that do not know them ignore them.
extension Headers {
    /// The names of the standard headers, as they are on the wire.
    public enum Standard {
        /// Identifies the message: a string that no other message has.
        public static let messageID = "message-id"
        /// Ties a reply to its request.
        public static let correlationID = "correlation-id"
        /// The address that the reply is sent to.
        public static let replyTo = "reply-to"
        /// The media type of the body. Absent means `application/json`.
        public static let contentType = "content-type"
        /// When the message was made: nanoseconds since 1970.
        public static let timestamp = "timestamp"
        /// How long the sender of a request waits for the answer, in milliseconds from its sending.
        public static let timeout = "timeout"
        /// The code of the error that a reply carries instead of a result.
        public static let errorCode = "error-code"
        /// The text of that error.
        public static let errorMessage = "error-message"
        /// Of a stream's messages, the position: 0, 1, 2, …
        public static let sequence = "stream-sequence"
        /// Present on the last message of a stream.
        public static let streamEnd = "stream-end"
        /// How many elements of a stream the reader has allowed in all, counted from its start.
        public static let credit = "stream-credit"
        /// Of a stream's first message: the correlation ID of the messages by which its reader allows more elements. They go
        /// to the ``replyTo`` of that message.
        public static let creditID = "stream-credit-id"
        /// The goal that a request or its reply is about.
        public static let goalID = "goal-id"
        /// Of a dead letter: why it died.
        public static let deathReason = "death-reason"
        /// Of a dead letter: the queue it died in.
        public static let deathQueue = "death-queue"
        /// Of a dead letter: how often it had been delivered.
        public static let deathDeliveries = "death-deliveries"
        /// Of a dead letter of a bridge: the topic it came from.
        public static let deathTopic = "death-topic"
        /// Of a dead letter of a bridge: the bridge's name.
        public static let deathBridge = "death-bridge"
        /// Of a dead letter of a bridge: when it was first tried, in nanoseconds since 1970.
        public static let deathFirstTime = "death-first-time"
        /// Of a dead letter of a bridge: when it was last tried, in nanoseconds since 1970.
        public static let deathLastTime = "death-last-time"
        /// The names of the bridges that a message has passed, with commas between, the first one first.
        public static let bridgePath = "bridge-path"
        /// The names of the brokers that a message has been at, as far as they have any, with commas between.
        public static let bridgeBrokers = "bridge-brokers"
        /// The names of the meshes of brokers in which a message has passed a bridge, with commas between.
        public static let bridgeMeshes = "bridge-meshes"
        /// How many bridges a message may pass.
        public static let bridgeHopLimit = "bridge-hop-limit"
        /// The topic or queue from which the first bridge took a message.
        public static let bridgeOrigin = "bridge-origin"
    }

    /// Identifies the message.
    public var messageID: String? {
        get { self[Standard.messageID]?.string }
        set { self[Standard.messageID] = newValue.map(HeaderValue.string) }
    }

    /// Ties a reply to its request.
    public var correlationID: String? {
        get { self[Standard.correlationID]?.string }
        set { self[Standard.correlationID] = newValue.map(HeaderValue.string) }
    }

    /// Where the reply goes.
    public var replyTo: String? {
        get { self[Standard.replyTo]?.string }
        set { self[Standard.replyTo] = newValue.map(HeaderValue.string) }
    }

    /// The media type of the body; `nil` means `application/json`.
    public var contentType: String? {
        get { self[Standard.contentType]?.string }
        set { self[Standard.contentType] = newValue.map(HeaderValue.string) }
    }

    /// When the message was made: nanoseconds since 1970.
    public var timestamp: Int64? {
        get { self[Standard.timestamp]?.integer }
        set { self[Standard.timestamp] = newValue.map(HeaderValue.integer) }
    }

    /// How long the sender of a request waits for the answer. On the wire in milliseconds, at least 1; what is
    /// not positive or more than a century reads as absent.
    ///
    /// It is relative, not a time of day: the clocks of two machines need not agree, and a peer without a
    /// battery-backed clock is served like any other.
    public var timeout: Duration? {
        get {
            guard let value = self[Standard.timeout]?.integer, value > 0, value < 3_155_760_000_000 else { return nil }
            return .milliseconds(value)
        }
        set { self[Standard.timeout] = newValue.map { .integer(Swift.max(1, $0.wholeMilliseconds)) } }
    }

    func integer(_ name: String) -> Int? {
        self[name]?.integer.flatMap(Int.init(exactly:))
    }
}
