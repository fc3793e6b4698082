/// The kinds of MQTT's control packets (MQTT 5, 2.1.2).
enum PacketKind: UInt8, Sendable, CaseIterable {
    case connect = 1
    case connack, publish, puback, pubrec, pubrel, pubcomp
    case subscribe, suback, unsubscribe, unsuback
    case pingreq, pingresp, disconnect, auth

    /// Whether a server sends it to a client.
    func isSentByServers(_ version: MQTTVersion) -> Bool {
        switch self {
        case .connack, .publish, .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback, .pingresp: true
        case .disconnect, .auth: version == .v5
        case .connect, .subscribe, .unsubscribe, .pingreq: false
        }
    }

    /// The lower half of its first byte; `nil` for PUBLISH, where it says something.
    var flags: UInt8? {
        switch self {
        case .publish: nil
        case .pubrel, .subscribe, .unsubscribe: 2
        default: 0
        }
    }
}
