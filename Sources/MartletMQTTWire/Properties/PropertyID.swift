/// The properties of MQTT 5, by their identifiers (2.2.2.2).
package enum PropertyID: UInt8, Sendable, Hashable, CaseIterable {
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

    /// The form of a value.
    package enum Form: Sendable {
        /// One byte, 0 or 1.
        case flag
        case twoBytes
        case fourBytes
        /// One to four bytes.
        case variable
        case text
        case data
        /// Two texts.
        case pair
    }

    package var form: Form {
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
    package var isPositive: Bool {
        switch self {
        case .receiveMaximum, .maximumPacketSize, .topicAlias, .subscriptionIdentifier: true
        default: false
        }
    }

    /// Whether a list may have it several times. A server tells of each of the subscriptions that a message matches, a client
    /// names one when it subscribes (3.3.2.3.8, 3.8.2.1.2).
    package func isRepeatable(in place: PropertyPlace) -> Bool {
        self == .userProperty || self == .subscriptionIdentifier && place == .publish
    }

    /// Whether it may stand in a list.
    package func isAllowed(in place: PropertyPlace) -> Bool {
        switch self {
        case .payloadFormatIndicator, .messageExpiryInterval, .contentType, .responseTopic, .correlationData:
            place == .publish || place == .will
        case .topicAlias: place == .publish
        case .willDelayInterval: place == .will
        case .subscriptionIdentifier: place == .publish || place == .subscribe
        case .sessionExpiryInterval: place == .connect || place == .connack || place == .disconnect
        case .authenticationMethod, .authenticationData: place == .connect || place == .connack || place == .auth
        case .receiveMaximum, .topicAliasMaximum, .maximumPacketSize: place == .connect || place == .connack
        case .requestProblemInformation, .requestResponseInformation: place == .connect
        case .assignedClientIdentifier, .serverKeepAlive, .responseInformation, .maximumQoS, .retainAvailable,
            .wildcardSubscriptionAvailable, .subscriptionIdentifierAvailable, .sharedSubscriptionAvailable:
            place == .connack
        case .serverReference: place == .connack || place == .disconnect
        case .reasonString:
            switch place {
            case .connect, .will, .publish, .subscribe, .unsubscribe: false
            default: true
            }
        case .userProperty: true
        }
    }
}

/// The lists of properties.
package enum PropertyPlace: Sendable, Hashable, CaseIterable {
    case connect, connack, will, publish, puback, pubrec, pubrel, pubcomp
    case subscribe, suback, unsubscribe, unsuback, disconnect, auth

    /// The list of a packet; `nil`: it has none.
    package init?(_ kind: PacketKind) {
        switch kind {
        case .connect: self = .connect
        case .connack: self = .connack
        case .publish: self = .publish
        case .puback: self = .puback
        case .pubrec: self = .pubrec
        case .pubrel: self = .pubrel
        case .pubcomp: self = .pubcomp
        case .subscribe: self = .subscribe
        case .suback: self = .suback
        case .unsubscribe: self = .unsubscribe
        case .unsuback: self = .unsuback
        case .disconnect: self = .disconnect
        case .auth: self = .auth
        case .pingreq, .pingresp: return nil
        }
    }
}
