import CMosquitto
import Martlet
import MartletMQTTWire

/// The broker's answer to an attempt to connect.
struct ConnectAcknowledgement: Sendable {
    let reason: CInt
    let version: MQTTVersion
    /// Whether the broker still had the session.
    let sessionPresent: Bool
    /// What the broker is able to do; what it does not mention it is.
    private(set) var receiveMaximum = 65_535
    private(set) var limits = BrokerLimits()
    private(set) var keepAlive: Duration?
    private(set) var topicAliases = 0
    private(set) var sharesSubscriptions = true
    private(set) var identifiesSubscriptions = true
    private let words: BrokerWords

    /// - Parameter maximumPacketBytes: what the broker said of it, which the library is not told.
    init(
        reason: CInt,
        flags: CInt,
        _ properties: OpaquePointer?,
        _ version: MQTTVersion,
        maximumPacketBytes: Int? = nil
    ) {
        self.reason = reason
        self.version = version
        limits.maximumPacketBytes = maximumPacketBytes
        sessionPresent = flags & 1 != 0
        words = MosquittoProperties.words(properties)
        for property in MosquittoProperties.read(properties).all {
            switch (property.id, property.value) {
            case (.receiveMaximum, .number(let number)): receiveMaximum = Int(number)
            case (.maximumQoS, .number(let number)): limits.maximumQuality = Int(number)
            case (.retainAvailable, .number(let number)): limits.retains = number != 0
            case (.serverKeepAlive, .number(let number)): keepAlive = .seconds(Int(number))
            case (.topicAliasMaximum, .number(let number)): topicAliases = Int(number)
            case (.sharedSubscriptionAvailable, .number(let number)): sharesSubscriptions = number != 0
            case (.subscriptionIdentifierAvailable, .number(let number)): identifiesSubscriptions = number != 0
            default: break
            }
        }
        limits.tellsSubscriptions = tellsSubscriptions
    }

    /// Whether the broker tells of each message by which subscription it came.
    var tellsSubscriptions: Bool { version == .v5 && identifiesSubscriptions }

    /// Why the broker refused, if it did.
    var refusal: MessagingError? {
        guard reason != 0 else { return nil }
        // MQTT 5, 3.2.2.2, or MQTT 3.1.1, 3.2.2.3.
        let (problem, isRetriable): (String, Bool) =
            switch (version, reason) {
            case (.v5, 0x81), (.v5, 0x82): ("it found the request malformed", false)
            case (.v5, 0x84), (_, 1): ("it does not speak MQTT \(version.rawValue)", false)
            case (.v5, 0x85), (.v311, 2): ("it does not take the client identifier", false)
            case (.v5, 0x86), (.v311, 4): ("the user name or password is wrong", false)
            case (.v5, 0x87), (.v311, 5): ("the client is not authorised", false)
            case (.v5, 0x88), (.v5, 0x89), (.v311, 3): ("it is not available or busy", true)
            case (.v5, 0x8A): ("the client is banned", false)
            case (.v5, 0x95): ("the packet was too large", false)
            case (.v5, 0x97): ("a quota is exceeded", true)
            case (.v5, 0x9A): ("it retains no messages, and the will is to be retained", false)
            case (.v5, 0x9B): ("it does not support the will's quality of service", false)
            case (.v5, 0x9C): ("another server is to be used for now", true)
            case (.v5, 0x9D): ("it has moved", false)
            case (.v5, 0x9F): ("connections come too fast", true)
            default: (String(cString: mosquitto_reason_string(reason)), false)
            }
        return MessagingError(
            .refused,
            "the broker refused the connection: \(problem)\(words.detail), reason \(reason)",
            isRetriable: isRetriable
        )
    }
}
