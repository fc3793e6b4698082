extension Decoder {
    /// The highest bit of the version, by which mosquitto's bridges say that they are bridges.
    static var bridgeBit: UInt8 { 0x80 }

    /// Reads CONNECT. What is wrong behind the version is answered in that version.
    static func connect(_ reader: inout PacketReader) throws(WireFault) -> Connect {
        let name = try reader.text()
        let level = try reader.byte()
        guard ProtocolVersion.allCases.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            throw .protocolError("it is of a protocol that is not MQTT")
        }
        guard let version = ProtocolVersion(rawValue: level & ~bridgeBit), version.name.utf8.elementsEqual(name.utf8),
            version < .v5 || level & bridgeBit == 0
        else {
            throw WireFault(.unsupportedProtocolVersion, "it is of a version of MQTT that there is not", answer: .v311)
        }
        do {
            return try connect(version, isBridge: level & bridgeBit != 0, &reader)
        } catch {
            var fault = error
            fault.answer = version
            throw fault
        }
    }

    private struct Flags {
        let bits: UInt8
        var cleanStart: Bool { bits & 0b10 != 0 }
        var hasWill: Bool { bits & 0b100 != 0 }
        var willQoS: UInt8 { bits >> 3 & 3 }
        var willRetain: Bool { bits & 0b10_0000 != 0 }
        var hasPassword: Bool { bits & 0b100_0000 != 0 }
        var hasUserName: Bool { bits & 0b1000_0000 != 0 }
    }

    private static func connect(
        _ version: ProtocolVersion,
        isBridge: Bool,
        _ reader: inout PacketReader
    ) throws(WireFault) -> Connect {
        let flags = Flags(bits: try reader.byte())
        guard flags.bits & 1 == 0 || version == .v31 else {
            throw .malformed("its flags have a bit that means nothing")
        }
        guard let willQoS = QoS(rawValue: flags.willQoS) else { throw .malformed("the QoS of its will is 3") }
        guard flags.hasWill || (willQoS == .atMostOnce && !flags.willRetain) else {
            throw .malformed("it says of a will how it is published and has none")
        }
        guard version == .v5 || flags.hasUserName || !flags.hasPassword else {
            throw .malformed("it has a password and no user")
        }
        let keepAlive = try reader.twoBytes()
        let properties = version == .v5 ? try reader.properties(in: .connect) : PropertyList()
        guard properties.has(.authenticationMethod) || !properties.has(.authenticationData) else {
            throw .protocolError("it has data for an authentication and names no method")
        }
        var connect = Connect(
            version: version,
            clientID: try reader.text(),
            cleanStart: flags.cleanStart,
            keepAlive: keepAlive,
            properties: properties,
            isBridge: isBridge
        )
        if flags.hasWill {
            let properties = version == .v5 ? try reader.properties(in: .will) : PropertyList()
            connect.will = WillMessage(
                topic: try reader.topicName(),
                payload: try reader.data(),
                qos: willQoS,
                retain: flags.willRetain,
                properties: properties
            )
        }
        // In MQTT 3.1 they may be announced and missing (3.1, on the user name flag).
        func isThere(_ flag: Bool) -> Bool { flag && (version > .v31 || reader.count > 0) }
        if isThere(flags.hasUserName) { connect.userName = try reader.text() }
        if isThere(flags.hasPassword) { connect.password = try reader.data() }
        try reader.expectEnd()
        return connect
    }
}
