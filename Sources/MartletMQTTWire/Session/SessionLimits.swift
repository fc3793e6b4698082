/// What a client may ask of a session, and how much is kept for it.
package struct SessionLimits: Sendable, Hashable {
    /// What happens to a message of QoS 1 or 2 that finds the queue full. One of QoS 0 is dropped.
    package enum Overflow: Sendable, Hashable {
        case dropNewest
        case dropOldest
        /// The client is cut off, and told why.
        case disconnect
    }

    /// What becomes of a client that has more messages of QoS 1 and 2 on their way than it was told it may have.
    package enum Strictness: Sendable, Hashable {
        /// It is counted: clients of small devices do so, and would never come through (eclipse-mosquitto/mosquitto#3471).
        case standard
        /// It is cut off, as MQTT 5 has it (3.3.4).
        case strict
    }

    /// How many messages of QoS 1 and 2 may be on their way to the client, if it does not say less.
    package var inFlight = 256
    /// How many of them the client may have on their way here.
    package var receiveMaximum = 1_000
    /// How many aliases it may have for topics.
    package var topicAliases = 32
    /// How many messages, and how many bytes of them, wait for the client.
    package var queuedMessages = 10_000
    package var queuedBytes = 16 << 20
    package var overflow = Overflow.dropNewest
    package var strictness = Strictness.standard
    /// How many levels a topic or filter has.
    package var levels = 128
    package var clientIDBytes = 256
    package var subscriptions = 10_000
    /// The longest that a session is kept for an absent client.
    package var sessionExpiry = Duration.seconds(30 * 86_400)
    /// The longest keep-alive, in seconds, of clients of MQTT 5, which can be told; `nil`: their own.
    package var keepAlive: UInt16?
    /// How long a client's socket may take nothing.
    package var drainTimeout = Duration.seconds(60)
    /// How long an authentication on a connection that there is may take.
    package var authenticationTimeout = Duration.seconds(10)
    /// The longest packet that is taken, which clients of MQTT 5 are told.
    package var packetBytes = 2 << 20

    package init() {}
}
