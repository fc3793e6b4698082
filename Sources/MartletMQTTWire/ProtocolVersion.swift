/// The versions of MQTT, by the level that CONNECT names.
package enum ProtocolVersion: UInt8, Sendable, Hashable, Comparable, CaseIterable {
    /// MQTT 3.1, whose protocol is called `MQIsdp`.
    case v31 = 3
    case v311 = 4
    case v5 = 5

    /// The older one is less.
    package static func < (a: ProtocolVersion, b: ProtocolVersion) -> Bool { a.rawValue < b.rawValue }

    /// The protocol's name in CONNECT.
    var name: String { self == .v31 ? "MQIsdp" : "MQTT" }
}

/// How surely a message is delivered.
package enum QoS: UInt8, Sendable, Hashable, Comparable, CaseIterable {
    case atMostOnce = 0
    case atLeastOnce, exactlyOnce

    /// The weaker one is less.
    package static func < (a: QoS, b: QoS) -> Bool { a.rawValue < b.rawValue }
}
