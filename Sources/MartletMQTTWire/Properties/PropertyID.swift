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
    enum Form: Sendable {
        case flag
        case twoBytes
        case fourBytes
        case variable
        case text
        case data
        case pair
    }

    /// What the table says of a property: its form, and in which lists it may stand.
    private struct Row {
        let form: Form
        let places: [PropertyPlace]
        var isPositive = false
    }

    private static let acknowledged: [PropertyPlace] = [
        .connack, .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback, .disconnect, .auth,
    ]

    private var row: Row {
        switch self {
        case .payloadFormatIndicator: Row(form: .flag, places: [.publish, .will])
        case .messageExpiryInterval: Row(form: .fourBytes, places: [.publish, .will])
        case .contentType, .responseTopic: Row(form: .text, places: [.publish, .will])
        case .correlationData: Row(form: .data, places: [.publish, .will])
        case .subscriptionIdentifier: Row(form: .variable, places: [.publish, .subscribe], isPositive: true)
        case .sessionExpiryInterval: Row(form: .fourBytes, places: [.connect, .connack, .disconnect])
        case .assignedClientIdentifier, .responseInformation: Row(form: .text, places: [.connack])
        case .serverKeepAlive: Row(form: .twoBytes, places: [.connack])
        case .authenticationMethod: Row(form: .text, places: [.connect, .connack, .auth])
        case .authenticationData: Row(form: .data, places: [.connect, .connack, .auth])
        case .requestProblemInformation, .requestResponseInformation: Row(form: .flag, places: [.connect])
        case .willDelayInterval: Row(form: .fourBytes, places: [.will])
        case .serverReference: Row(form: .text, places: [.connack, .disconnect])
        case .reasonString: Row(form: .text, places: Self.acknowledged)
        case .receiveMaximum: Row(form: .twoBytes, places: [.connect, .connack], isPositive: true)
        case .topicAliasMaximum: Row(form: .twoBytes, places: [.connect, .connack])
        case .topicAlias: Row(form: .twoBytes, places: [.publish], isPositive: true)
        case .maximumQoS, .retainAvailable, .wildcardSubscriptionAvailable, .subscriptionIdentifierAvailable,
            .sharedSubscriptionAvailable:
            Row(form: .flag, places: [.connack])
        case .userProperty: Row(form: .pair, places: PropertyPlace.allCases)
        case .maximumPacketSize: Row(form: .fourBytes, places: [.connect, .connack], isPositive: true)
        }
    }

    var form: Form { row.form }

    /// Whether zero is no value of it.
    var isPositive: Bool { row.isPositive }

    func isAllowed(in place: PropertyPlace) -> Bool { row.places.contains(place) }

    /// Whether a list may have it several times. A server tells of each subscription that a message matches.
    func isRepeatable(in place: PropertyPlace) -> Bool {
        self == .userProperty || self == .subscriptionIdentifier && place == .publish
    }
}

/// The lists of properties.
package enum PropertyPlace: Sendable, Hashable, CaseIterable {
    case connect, connack, will, publish, puback, pubrec, pubrel, pubcomp
    case subscribe, suback, unsubscribe, unsuback, disconnect, auth
}
