/// The properties of MQTT 5, by their identifiers (2.2.2.2): what each looks like, and where it may stand.
enum PacketProperty: UInt8, Sendable, CaseIterable {
    case payloadFormatIndicator = 0x01
    case messageExpiryInterval = 0x02
    case contentType = 0x03
    case responseTopic = 0x08
    case correlationData = 0x09
    case subscriptionIdentifier = 0x0B
    case sessionExpiryInterval = 0x11
    case assignedClientIdentifier = 0x12
    case serverKeepAlive = 0x13
    case authenticationMethod = 0x15
    case authenticationData = 0x16
    case requestProblemInformation = 0x17
    case willDelayInterval = 0x18
    case requestResponseInformation = 0x19
    case responseInformation = 0x1A
    case serverReference = 0x1C
    case reasonString = 0x1F
    case receiveMaximum = 0x21
    case topicAliasMaximum = 0x22
    case topicAlias = 0x23
    case maximumQoS = 0x24
    case retainAvailable = 0x25
    case userProperty = 0x26
    case maximumPacketSize = 0x27
    case wildcardSubscriptionAvailable = 0x28
    case subscriptionIdentifierAvailable = 0x29
    case sharedSubscriptionAvailable = 0x2A

    /// What follows the identifier.
    enum Form: Sendable {
        /// One byte, 0 or 1.
        case flag
        case twoBytes
        case fourBytes
        case variable
        case text
        case data
        case pair
    }

    var form: Form {
        switch self {
        case .payloadFormatIndicator, .requestProblemInformation, .requestResponseInformation, .maximumQoS,
            .retainAvailable, .wildcardSubscriptionAvailable, .subscriptionIdentifierAvailable,
            .sharedSubscriptionAvailable:
            .flag
        case .serverKeepAlive, .receiveMaximum, .topicAliasMaximum, .topicAlias: .twoBytes
        case .messageExpiryInterval, .sessionExpiryInterval, .willDelayInterval, .maximumPacketSize: .fourBytes
        case .subscriptionIdentifier: .variable
        case .contentType, .responseTopic, .assignedClientIdentifier, .authenticationMethod, .responseInformation,
            .serverReference, .reasonString:
            .text
        case .correlationData, .authenticationData: .data
        case .userProperty: .pair
        }
    }

    /// Whether zero is no value of it.
    var isPositive: Bool {
        switch self {
        case .receiveMaximum, .maximumPacketSize, .topicAlias, .subscriptionIdentifier: true
        default: false
        }
    }

    /// Whether it may stand several times in a list of this kind. A server sends a Subscription Identifier for each of the
    /// subscriptions that a message matches, a client names one when it subscribes (3.3.2.3.8, 3.8.2.1.2).
    func isRepeatable(in kind: PacketKind) -> Bool {
        self == .userProperty || self == .subscriptionIdentifier && kind == .publish
    }

    /// Whether it may stand in a packet of this kind. Those of a will, which stand in CONNECT apart, are left out.
    func isAllowed(in kind: PacketKind) -> Bool {
        switch self {
        case .payloadFormatIndicator, .messageExpiryInterval, .contentType, .responseTopic, .correlationData,
            .topicAlias:
            kind == .publish
        case .subscriptionIdentifier: kind == .publish || kind == .subscribe
        case .sessionExpiryInterval: kind == .connect || kind == .connack || kind == .disconnect
        case .authenticationMethod, .authenticationData: kind == .connect || kind == .connack || kind == .auth
        case .receiveMaximum, .topicAliasMaximum, .maximumPacketSize: kind == .connect || kind == .connack
        case .requestProblemInformation, .requestResponseInformation: kind == .connect
        case .willDelayInterval: false
        case .assignedClientIdentifier, .serverKeepAlive, .responseInformation, .maximumQoS, .retainAvailable,
            .wildcardSubscriptionAvailable, .subscriptionIdentifierAvailable, .sharedSubscriptionAvailable:
            kind == .connack
        case .serverReference: kind == .connack || kind == .disconnect
        case .reasonString:
            switch kind {
            case .connack, .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback, .disconnect, .auth: true
            default: false
            }
        case .userProperty: kind != .pingreq && kind != .pingresp
        }
    }
}
