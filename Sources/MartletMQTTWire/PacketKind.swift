/// The kinds of MQTT's control packets (MQTT 5, 2.1.2).
package enum PacketKind: UInt8, Sendable, Hashable, CaseIterable {
    case connect = 1
    case connack, publish, puback, pubrec, pubrel, pubcomp
    case subscribe, suback, unsubscribe, unsuback
    case pingreq, pingresp, disconnect, auth

    /// The lower half of the first byte; `nil` for PUBLISH, where it has a meaning.
    package var flags: UInt8? {
        switch self {
        case .publish: nil
        case .pubrel, .subscribe, .unsubscribe: 0b0010
        default: 0
        }
    }

    /// Whether the lower half of the first byte can be so.
    ///
    /// In MQTT 3.1 what is said again is marked as a duplicate whatever it is, and of kinds that have no quality nobody looks at the
    /// flags (MQTT 3.1, 2.1 and 3.1 to 3.14).
    package func takes(flags: UInt8, _ version: ProtocolVersion) -> Bool {
        guard let own = self.flags else { return true }
        guard version == .v31 else { return flags == own }
        return own == 0 || flags & 0b0110 == own
    }

    /// Whether a peer of this role may get it in a version.
    package func isReceived(by role: Role, _ version: ProtocolVersion) -> Bool {
        switch self {
        case .publish, .puback, .pubrec, .pubrel, .pubcomp: true
        case .connect, .subscribe, .unsubscribe, .pingreq: role == .server
        case .connack, .suback, .unsuback, .pingresp: role == .client
        case .disconnect: role == .server || version == .v5
        case .auth: version == .v5
        }
    }
}

/// The end of a link that reads packets.
package enum Role: Sendable, Hashable, CaseIterable {
    case server
    case client
}
