/// CONNACK (MQTT 5, 3.2).
package struct Connack: Sendable, Hashable {
    package var sessionPresent: Bool
    package var reason: ReasonCode
    package var properties: PropertyList

    package init(_ reason: ReasonCode, sessionPresent: Bool = false, properties: PropertyList = PropertyList()) {
        self.reason = reason
        self.sessionPresent = sessionPresent
        self.properties = properties
    }
}

/// PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 5, 3.4 to 3.7).
package struct Acknowledgement: Sendable, Hashable {
    package var packetID: UInt16
    package var reason: ReasonCode
    package var properties: PropertyList

    package init(_ packetID: UInt16, _ reason: ReasonCode = .success, properties: PropertyList = PropertyList()) {
        self.packetID = packetID
        self.reason = reason
        self.properties = properties
    }
}

/// SUBACK (MQTT 5, 3.9).
package struct Suback: Sendable, Hashable {
    package var packetID: UInt16
    package var reasons: [ReasonCode]
    package var properties: PropertyList

    package init(_ packetID: UInt16, _ reasons: [ReasonCode], properties: PropertyList = PropertyList()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }
}

/// UNSUBACK (MQTT 5, 3.11), which before MQTT 5 has no reasons.
package struct Unsuback: Sendable, Hashable {
    package var packetID: UInt16
    package var reasons: [ReasonCode]
    package var properties: PropertyList

    package init(_ packetID: UInt16, _ reasons: [ReasonCode], properties: PropertyList = PropertyList()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }
}

/// DISCONNECT (MQTT 5, 3.14).
package struct Disconnect: Sendable, Hashable {
    package var reason: ReasonCode
    package var properties: PropertyList

    package init(_ reason: ReasonCode = .success, properties: PropertyList = PropertyList()) {
        self.reason = reason
        self.properties = properties
    }
}

/// AUTH (MQTT 5, 3.15).
package struct Auth: Sendable, Hashable {
    package var reason: ReasonCode
    package var properties: PropertyList

    package init(_ reason: ReasonCode = .success, properties: PropertyList = PropertyList()) {
        self.reason = reason
        self.properties = properties
    }
}
