/// The version of the protocol.
public enum MQTTVersion: String, Sendable, Hashable, CaseIterable {
    /// MQTT 3.1.1. It knows no headers, no expiry, and no reason why something failed.
    case v311 = "3.1.1"
    /// MQTT 5.
    case v5 = "5"
}
