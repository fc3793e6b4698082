/// Writes packets of a version.
package struct Encoder: Sendable {
    package let version: ProtocolVersion

    package init(_ version: ProtocolVersion) {
        self.version = version
    }

    /// A packet's bytes.
    package func bytes(of packet: Packet) -> [UInt8] {
        var bytes: [UInt8] = []
        append(packet, to: &bytes)
        return bytes
    }

    /// Appends a packet. Its texts and data are at most 65,535 bytes long.
    package func append(_ packet: Packet, to bytes: inout [UInt8]) {
        switch packet {
        case .publish(let publish):
            append(publish, to: &bytes)
        case .puback(let answer), .pubrec(let answer), .pubrel(let answer), .pubcomp(let answer):
            guard version == .v5, answer.reason != .success || !answer.properties.isEmpty else {
                // By far the most.
                bytes.append(packet.kind.rawValue << 4 | (packet.kind.flags ?? 0))
                bytes.append(2)
                bytes.append(twoBytes: answer.packetID)
                return
            }
            appendBody(of: packet, to: &bytes)
        default:
            appendBody(of: packet, to: &bytes)
        }
    }

    private func appendBody(of packet: Packet, to bytes: inout [UInt8]) {
        var body: [UInt8] = []
        write(packet, to: &body)
        bytes.append(packet.kind.rawValue << 4 | (packet.kind.flags ?? 0))
        bytes.appendVariable(body.count)
        bytes += body
    }

    // MARK: PUBLISH

    private func append(_ publish: Publish, to bytes: inout [UInt8]) {
        var properties: [UInt8] = []
        if version == .v5 { write(publish.properties, to: &properties) }
        let length =
            2 + publish.topic.utf8.count + (publish.qos > .atMostOnce ? 2 : 0) + properties.count
            + publish.payload.count
        bytes.reserveCapacity(bytes.count + length + 5)
        bytes.append(
            PacketKind.publish.rawValue << 4 | (publish.isDuplicate ? 0b1000 : 0) | publish.qos.rawValue << 1
                | (publish.retain ? 1 : 0)
        )
        bytes.appendVariable(length)
        bytes.append(text: publish.topic)
        if publish.qos > .atMostOnce { bytes.append(twoBytes: publish.packetID) }
        bytes += properties
        bytes += publish.payload
    }

    // MARK: The others

    private func write(_ packet: Packet, to body: inout [UInt8]) {
        switch packet {
        case .connect(let connect):
            write(connect, to: &body)
        case .connack(let connack):
            body.append(connack.sessionPresent ? 1 : 0)
            guard version == .v5 else {
                body.append(connack.reason.legacyConnack ?? 5)
                return
            }
            body.append(connack.reason.rawValue)
            write(connack.properties, to: &body)
        case .puback(let answer), .pubrec(let answer), .pubrel(let answer), .pubcomp(let answer):
            body.append(twoBytes: answer.packetID)
            body.append(answer.reason.rawValue)
            if !answer.properties.isEmpty { write(answer.properties, to: &body) }
        case .subscribe(let subscribe):
            body.append(twoBytes: subscribe.packetID)
            if version == .v5 { write(subscribe.properties, to: &body) }
            for entry in subscribe.entries {
                body.append(text: entry.filter)
                body.append(options(of: entry))
            }
        case .suback(let suback):
            body.append(twoBytes: suback.packetID)
            if version == .v5 { write(suback.properties, to: &body) }
            body += suback.reasons.map { version < .v5 && $0.isError ? 0x80 : $0.rawValue }
        case .unsubscribe(let unsubscribe):
            body.append(twoBytes: unsubscribe.packetID)
            if version == .v5 { write(unsubscribe.properties, to: &body) }
            for filter in unsubscribe.filters { body.append(text: filter) }
        case .unsuback(let unsuback):
            body.append(twoBytes: unsuback.packetID)
            guard version == .v5 else { return }
            write(unsuback.properties, to: &body)
            body += unsuback.reasons.map(\.rawValue)
        case .disconnect(let disconnect):
            if version == .v5 { write(disconnect.reason, disconnect.properties, to: &body) }
        case .auth(let auth):
            write(auth.reason, auth.properties, to: &body)
        case .publish, .pingreq, .pingresp:
            break
        }
    }

    /// A reason and properties at the end of a packet, where what says nothing is left out.
    private func write(_ reason: ReasonCode, _ properties: PropertyList, to body: inout [UInt8]) {
        guard reason != .success || !properties.isEmpty else { return }
        body.append(reason.rawValue)
        if !properties.isEmpty { write(properties, to: &body) }
    }

    private func options(of entry: SubscribeRequest.Entry) -> UInt8 {
        guard version == .v5 else { return entry.qos.rawValue }
        return entry.qos.rawValue | (entry.noLocal ? 0b0100 : 0) | (entry.retainAsPublished ? 0b1000 : 0)
            | entry.retainHandling.rawValue << 4
    }

    private func write(_ connect: Connect, to body: inout [UInt8]) {
        body.append(text: version.name)
        body.append(version.rawValue | (connect.isBridge ? Decoder.bridgeBit : 0))
        var flags: UInt8 = connect.cleanStart ? 0b10 : 0
        if let will = connect.will {
            flags |= 0b100 | will.qos.rawValue << 3 | (will.retain ? 0b10_0000 : 0)
        }
        if connect.password != nil { flags |= 0b100_0000 }
        if connect.userName != nil { flags |= 0b1000_0000 }
        body.append(flags)
        body.append(twoBytes: connect.keepAlive)
        if version == .v5 { write(connect.properties, to: &body) }
        body.append(text: connect.clientID)
        if let will = connect.will {
            if version == .v5 { write(will.properties, to: &body) }
            body.append(text: will.topic)
            body.append(data: will.payload)
        }
        if let userName = connect.userName { body.append(text: userName) }
        if let password = connect.password { body.append(data: password) }
    }

    // MARK: Properties

    /// A list of properties, after its length.
    private func write(_ properties: PropertyList, to body: inout [UInt8]) {
        guard !properties.isEmpty else {
            body.append(0)
            return
        }
        var list: [UInt8] = []
        for property in properties.all {
            list.append(property.id.rawValue)
            switch property.value {
            case .number(let number):
                switch property.id.form {
                case .flag: list.append(UInt8(truncatingIfNeeded: number))
                case .twoBytes: list.append(twoBytes: UInt16(truncatingIfNeeded: number))
                case .variable: list.appendVariable(Int(number))
                default: list.append(fourBytes: number)
                }
            case .text(let text): list.append(text: text)
            case .data(let data): list.append(data: data)
            case .pair(let name, let value):
                list.append(text: name)
                list.append(text: value)
            }
        }
        body.appendVariable(list.count)
        body += list
    }
}

extension [UInt8] {
    fileprivate mutating func append(twoBytes number: UInt16) {
        append(UInt8(number >> 8))
        append(UInt8(truncatingIfNeeded: number))
    }

    fileprivate mutating func append(fourBytes number: UInt32) {
        append(twoBytes: UInt16(number >> 16))
        append(twoBytes: UInt16(truncatingIfNeeded: number))
    }

    /// A number of one to four bytes (MQTT 5, 1.5.5).
    fileprivate mutating func appendVariable(_ number: Int) {
        var rest = number
        repeat {
            append(UInt8(truncatingIfNeeded: rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
    }

    fileprivate mutating func append(text: String) {
        var text = text
        text.withUTF8 { bytes in
            append(twoBytes: UInt16(truncatingIfNeeded: bytes.count))
            append(contentsOf: bytes)
        }
    }

    fileprivate mutating func append(data: [UInt8]) {
        append(twoBytes: UInt16(truncatingIfNeeded: data.count))
        append(contentsOf: data)
    }
}
