/// The outcome of an operation, as MQTT 5 numbers them (2.4). From 0x80 on it has failed.
package struct ReasonCode: RawRepresentable, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package init(granted quality: QoS) {
        rawValue = quality.rawValue
    }

    package var isError: Bool { rawValue >= 0x80 }

    package static let success = ReasonCode(rawValue: 0x00)
    package static let disconnectWithWill = ReasonCode(rawValue: 0x04)
    package static let noMatchingSubscribers = ReasonCode(rawValue: 0x10)
    package static let noSubscriptionExisted = ReasonCode(rawValue: 0x11)
    package static let continueAuthentication = ReasonCode(rawValue: 0x18)
    package static let reauthenticate = ReasonCode(rawValue: 0x19)
    package static let unspecifiedError = ReasonCode(rawValue: 0x80)
    package static let malformedPacket = ReasonCode(rawValue: 0x81)
    package static let protocolError = ReasonCode(rawValue: 0x82)
    package static let implementationSpecificError = ReasonCode(rawValue: 0x83)
    package static let unsupportedProtocolVersion = ReasonCode(rawValue: 0x84)
    package static let clientIdentifierNotValid = ReasonCode(rawValue: 0x85)
    package static let badUserNameOrPassword = ReasonCode(rawValue: 0x86)
    package static let notAuthorized = ReasonCode(rawValue: 0x87)
    package static let serverUnavailable = ReasonCode(rawValue: 0x88)
    package static let serverBusy = ReasonCode(rawValue: 0x89)
    package static let banned = ReasonCode(rawValue: 0x8A)
    package static let serverShuttingDown = ReasonCode(rawValue: 0x8B)
    package static let badAuthenticationMethod = ReasonCode(rawValue: 0x8C)
    package static let keepAliveTimeout = ReasonCode(rawValue: 0x8D)
    package static let sessionTakenOver = ReasonCode(rawValue: 0x8E)
    package static let topicFilterInvalid = ReasonCode(rawValue: 0x8F)
    package static let topicNameInvalid = ReasonCode(rawValue: 0x90)
    package static let packetIdentifierInUse = ReasonCode(rawValue: 0x91)
    package static let packetIdentifierNotFound = ReasonCode(rawValue: 0x92)
    package static let receiveMaximumExceeded = ReasonCode(rawValue: 0x93)
    package static let topicAliasInvalid = ReasonCode(rawValue: 0x94)
    package static let packetTooLarge = ReasonCode(rawValue: 0x95)
    package static let messageRateTooHigh = ReasonCode(rawValue: 0x96)
    package static let quotaExceeded = ReasonCode(rawValue: 0x97)
    package static let administrativeAction = ReasonCode(rawValue: 0x98)
    package static let payloadFormatInvalid = ReasonCode(rawValue: 0x99)
    package static let retainNotSupported = ReasonCode(rawValue: 0x9A)
    package static let qosNotSupported = ReasonCode(rawValue: 0x9B)
    package static let useAnotherServer = ReasonCode(rawValue: 0x9C)
    package static let serverMoved = ReasonCode(rawValue: 0x9D)
    package static let sharedSubscriptionsNotSupported = ReasonCode(rawValue: 0x9E)
    package static let connectionRateExceeded = ReasonCode(rawValue: 0x9F)
    package static let maximumConnectTime = ReasonCode(rawValue: 0xA0)
    package static let subscriptionIdentifiersNotSupported = ReasonCode(rawValue: 0xA1)
    package static let wildcardSubscriptionsNotSupported = ReasonCode(rawValue: 0xA2)

    /// Whether a packet of a kind may have it (the tables of MQTT 5's chapter 3).
    func isAllowed(in kind: PacketKind) -> Bool {
        let codes: [ClosedRange<UInt8>] =
            switch kind {
            case .connack:
                [0...0, 0x80...0x8A, 0x8C...0x8C, 0x90...0x90, 0x95...0x95, 0x97...0x97, 0x99...0x9D, 0x9F...0x9F]
            case .puback, .pubrec:
                [0...0, 0x10...0x10, 0x80...0x80, 0x83...0x83, 0x87...0x87, 0x90...0x91, 0x97...0x97, 0x99...0x99]
            case .pubrel, .pubcomp: [0...0, 0x92...0x92]
            case .suback:
                [
                    0...2, 0x80...0x80, 0x83...0x83, 0x87...0x87, 0x8F...0x8F, 0x91...0x91, 0x97...0x97, 0x9E...0x9E,
                    0xA1...0xA2,
                ]
            case .unsuback: [0...0, 0x11...0x11, 0x80...0x80, 0x83...0x83, 0x87...0x87, 0x8F...0x8F, 0x91...0x91]
            case .disconnect:
                [
                    0...0, 4...4, 0x80...0x83, 0x87...0x87, 0x89...0x89, 0x8B...0x8B, 0x8D...0x90, 0x93...0x9E,
                    0x9F...0xA2,
                ]
            case .auth: [0...0, 0x18...0x19]
            case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp: []
            }
        return codes.contains { $0.contains(rawValue) }
    }

    /// The code that CONNACK has for it before MQTT 5; `nil` for a refusal that is told by closing alone.
    var legacyConnack: UInt8? {
        switch self {
        case .success: 0
        case .unsupportedProtocolVersion: 1
        case .clientIdentifierNotValid: 2
        case .serverUnavailable, .serverBusy, .quotaExceeded, .connectionRateExceeded: 3
        case .badUserNameOrPassword: 4
        case .notAuthorized, .banned, .badAuthenticationMethod: 5
        default: nil
        }
    }

    /// What a code of CONNACK before MQTT 5 means.
    init(legacyConnack code: UInt8) {
        switch code {
        case 0: self = .success
        case 1: self = .unsupportedProtocolVersion
        case 2: self = .clientIdentifierNotValid
        case 3: self = .serverUnavailable
        case 4: self = .badUserNameOrPassword
        default: self = .notAuthorized
        }
    }
}
