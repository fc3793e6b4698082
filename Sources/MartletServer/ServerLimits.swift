import MartletMQTTWire

/// How much a broker on a socket does for its clients. Everything that a client can ask for has a limit.
public struct ServerLimits: Sendable, Hashable {
    /// What happens to a message of QoS 1 or 2 for a client whose queue is full. One of QoS 0 is dropped.
    public enum Overflow: Sendable, Hashable {
        /// It is dropped, and counted.
        case dropNewest
        /// The one that has waited longest is dropped, and counted.
        case dropOldest
        /// The client is cut off; MQTT 5 is told why (0x97). One that comes back to a queue that filled while it was away is
        /// first given the time to empty it: until then, as while it is away, the message that has waited longest is dropped.
        case disconnect
    }

    /// Connections at a time; another one is closed at once.
    public var connections = 10_000
    /// Connections at a time from one address.
    public var connectionsPerAddress = 10_000
    /// Connections that are taken in a second, and at once. One more is closed at once; clients try again.
    public var connectionsPerSecond = 10_000
    /// Sessions, those of absent clients among them.
    public var sessions = 100_000
    /// The longest packet that a client may send, in bytes. A CONNECT has 64 KiB at most.
    public var packetBytes = 2 << 20
    /// How many messages of QoS 1 and 2 may be on their way to a client; less, if it says less.
    public var inFlight = 256
    /// How many a client may have on their way to the broker. It is told; see ``isStrict``.
    public var receiveMaximum = 1_000
    /// Messages that wait for a client.
    public var queuedMessages = 10_000
    /// Bytes of the messages that wait for a client.
    public var queuedBytes = 16 << 20
    /// Bytes of the messages that wait for all clients together. When it is reached, no more are kept for anybody.
    public var allQueuedBytes = 1 << 30
    /// What happens when one of the limits of a client is reached.
    public var overflow = Overflow.dropNewest
    /// Subscriptions of a client.
    public var subscriptions = 10_000
    /// Levels of a topic or a filter.
    public var topicLevels = 128
    /// Topic aliases of a client.
    public var topicAliases = 32
    /// Bytes of a client's identifier.
    public var clientIDBytes = 256
    /// How long the session of an absent client is kept at most, a will among it.
    public var sessionExpiry: Duration = .seconds(30 * 86_400)
    /// The longest keep-alive of a client of MQTT 5, in seconds, which it is told; `nil`: its own.
    public var keepAlive: UInt16?
    /// How long a client may take from connecting to the end of its CONNECT.
    public var connectTimeout: Duration = .seconds(10)
    /// How long an answer to a CONNECT's credentials may take; by a method of MQTT 5, all of the authentication.
    public var authenticationTimeout: Duration = .seconds(10)
    /// How long a client's socket may take nothing before it is cut off.
    public var drainTimeout: Duration = .seconds(60)
    /// Whether a client is cut off that has more messages of QoS 1 and 2 on their way than ``receiveMaximum``, as MQTT 5 has it
    /// (0x93, section 4.9). Otherwise it is counted: clients of some small devices take no notice of a maximum that is low.
    public var isStrict = true

    /// The limits as they are said above.
    public init() {}

    var session: SessionLimits {
        var limits = SessionLimits()
        limits.inFlight = max(1, min(inFlight, 65_535))
        limits.receiveMaximum = max(1, min(receiveMaximum, 65_535))
        limits.topicAliases = max(0, min(topicAliases, 65_535))
        limits.queuedMessages = queuedMessages
        limits.queuedBytes = queuedBytes
        limits.overflow =
            switch overflow {
            case .dropNewest: .dropNewest
            case .dropOldest: .dropOldest
            case .disconnect: .disconnect
            }
        limits.strictness = isStrict ? .strict : .standard
        limits.levels = topicLevels
        limits.clientIDBytes = clientIDBytes
        limits.subscriptions = subscriptions
        limits.sessionExpiry = sessionExpiry
        limits.keepAlive = keepAlive
        limits.drainTimeout = drainTimeout
        limits.authenticationTimeout = authenticationTimeout
        limits.packetBytes = packetBytes
        return limits
    }

    var wire: WireLimits { WireLimits(packetBytes: packetBytes) }
}
