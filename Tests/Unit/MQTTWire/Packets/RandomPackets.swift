import MartletMQTTWire
import MartletTesting

/// Packets of every kind with random contents, each in order.
struct RandomPackets {
    var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

    mutating func text(_ most: Int = 12) -> String {
        let characters = Array("abcz09 -.~%äß€😀e\u{301}/")
        return String(
            (0..<Int.random(in: 0...most, using: &random)).map { _ in
                characters.randomElement(using: &random) ?? "a"
            }
        )
    }

    mutating func name() -> String { "t" + text() }

    mutating func data(_ most: Int = 20) -> [UInt8] {
        (0..<Int.random(in: 0...most, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    mutating func id() -> UInt16 { .random(in: 1...(.max), using: &random) }

    mutating func filter() -> String {
        ["a/+/c", "#", "+", name(), "a/#", "$share/group/a/+", "/", "+/+//"].randomElement(using: &random) ?? "#"
    }

    mutating func properties(_ version: ProtocolVersion, in place: PropertyPlace) -> PropertyList {
        guard version == .v5, chance(2) else { return PropertyList() }
        var list = PropertyList()
        func add(_ id: PropertyID, _ value: PropertyList.Value) { list.all.append(.init(id, value)) }
        for (id, value) in candidates(place) where chance(2) { add(id, value) }
        while chance(2) { add(.userProperty, .pair(text(), text())) }
        list.all.shuffle(using: &random)
        return list
    }

    private mutating func candidates(_ place: PropertyPlace) -> [(PropertyID, PropertyList.Value)] {
        let any = UInt32.random(in: 0...(.max), using: &random)
        let positive = UInt32(id())
        switch place {
        case .publish, .will:
            var list: [(PropertyID, PropertyList.Value)] = [
                (.payloadFormatIndicator, .number(any & 1)), (.messageExpiryInterval, .number(any)),
                (.contentType, .text(text())), (.responseTopic, .text(name())), (.correlationData, .data(data())),
            ]
            list.append(place == .will ? (.willDelayInterval, .number(any)) : (.topicAlias, .number(positive)))
            return list
        case .connect:
            return [
                (.sessionExpiryInterval, .number(any)), (.receiveMaximum, .number(positive)),
                (.maximumPacketSize, .number(any | 1)), (.topicAliasMaximum, .number(any & 0xFFFF)),
                (.requestProblemInformation, .number(any & 1)), (.requestResponseInformation, .number(any & 1)),
                (.authenticationMethod, .text(text())),
            ]
        case .connack:
            return [
                (.sessionExpiryInterval, .number(any)), (.receiveMaximum, .number(positive)),
                (.maximumQoS, .number(any & 1)), (.retainAvailable, .number(any & 1)),
                (.maximumPacketSize, .number(any | 1)), (.assignedClientIdentifier, .text(text())),
                (.topicAliasMaximum, .number(any & 0xFFFF)), (.reasonString, .text(text())),
                (.wildcardSubscriptionAvailable, .number(any & 1)), (.serverKeepAlive, .number(any & 0xFFFF)),
                (.responseInformation, .text(text())), (.serverReference, .text(text())),
            ]
        case .subscribe: return [(.subscriptionIdentifier, .number(any % 268_435_455 + 1))]
        case .unsubscribe: return []
        case .disconnect: return [(.sessionExpiryInterval, .number(any)), (.reasonString, .text(text()))]
        case .auth: return [(.authenticationMethod, .text(text())), (.authenticationData, .data(data()))]
        case .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback: return [(.reasonString, .text(text()))]
        }
    }

    mutating func connect(_ version: ProtocolVersion) -> Connect {
        var connect = Connect(
            version: version,
            clientID: text(),
            cleanStart: chance(2),
            keepAlive: .random(in: 0...(.max), using: &random),
            properties: properties(version, in: .connect)
        )
        if chance(2) {
            connect.will = WillMessage(
                topic: name(),
                payload: data(),
                qos: QoS.allCases.randomElement(using: &random) ?? .atMostOnce,
                retain: chance(2),
                properties: properties(version, in: .will)
            )
        }
        if chance(2) { connect.userName = text() }
        if connect.userName != nil || version == .v5, chance(2) { connect.password = data() }
        connect.isBridge = version < .v5 && chance(4)
        return connect
    }

    mutating func publish(_ version: ProtocolVersion) -> Publish {
        let qos = QoS.allCases.randomElement(using: &random) ?? .atMostOnce
        var publish = Publish(
            topic: name(),
            payload: data(200),
            qos: qos,
            retain: chance(2),
            isDuplicate: qos > .atMostOnce && chance(2),
            packetID: qos > .atMostOnce ? id() : 0,
            properties: properties(version, in: .publish)
        )
        if publish.properties.has(.topicAlias), chance(2) { publish.topic = "" }
        return publish
    }

    private mutating func acknowledgement(_ version: ProtocolVersion, _ place: PropertyPlace, _ reasons: [UInt8])
        -> Acknowledgement
    {
        guard version == .v5 else { return Acknowledgement(id()) }
        let reason = ReasonCode(rawValue: reasons.randomElement(using: &random) ?? 0)
        return Acknowledgement(id(), reason, properties: properties(version, in: place))
    }

    mutating func packet(_ kind: PacketKind, _ version: ProtocolVersion) -> Packet {
        switch kind {
        case .connect: return .connect(connect(version))
        case .connack:
            let reasons: [UInt8] = version == .v5 ? [0, 0x80, 0x87, 0x9F] : [0, 0x84, 0x85, 0x86, 0x87, 0x88]
            let reason = ReasonCode(rawValue: reasons.randomElement(using: &random) ?? 0)
            return .connack(Connack(reason, sessionPresent: chance(2), properties: properties(version, in: .connack)))
        case .publish: return .publish(publish(version))
        case .puback: return .puback(acknowledgement(version, .puback, [0, 0x10, 0x97]))
        case .pubrec: return .pubrec(acknowledgement(version, .pubrec, [0, 0x10, 0x91]))
        case .pubrel: return .pubrel(acknowledgement(version, .pubrel, [0, 0x92]))
        case .pubcomp: return .pubcomp(acknowledgement(version, .pubcomp, [0, 0x92]))
        case .subscribe:
            let entries = (0...Int.random(in: 0...3, using: &random)).map { _ in entry(version) }
            return .subscribe(SubscribeRequest(id(), entries, properties: properties(version, in: .subscribe)))
        case .suback:
            let codes: [UInt8] = version == .v5 ? [0, 1, 2, 0x80, 0x87, 0x8F, 0xA2] : [0, 1, 2, 0x80]
            let reasons = (0...3).map { _ in ReasonCode(rawValue: codes.randomElement(using: &random) ?? 0) }
            return .suback(Suback(id(), reasons, properties: properties(version, in: .suback)))
        case .unsubscribe:
            let filters = (0...Int.random(in: 0...3, using: &random)).map { _ in filter() }
            return .unsubscribe(UnsubscribeRequest(id(), filters, properties: properties(version, in: .unsubscribe)))
        case .unsuback:
            guard version == .v5 else { return .unsuback(Unsuback(id(), [])) }
            let reasons = (0...3).map { _ in ReasonCode(rawValue: [0, 0x11, 0x87].randomElement(using: &random) ?? 0) }
            return .unsuback(Unsuback(id(), reasons, properties: properties(version, in: .unsuback)))
        case .pingreq: return .pingreq
        case .pingresp: return .pingresp
        case .disconnect:
            guard version == .v5 else { return .disconnect(Disconnect()) }
            let reason = ReasonCode(rawValue: [0, 4, 0x8E, 0x93].randomElement(using: &random) ?? 0)
            return .disconnect(Disconnect(reason, properties: properties(version, in: .disconnect)))
        case .auth:
            let reason = ReasonCode(rawValue: [0, 0x18, 0x19].randomElement(using: &random) ?? 0)
            return .auth(Auth(reason, properties: properties(version, in: .auth)))
        }
    }

    private mutating func entry(_ version: ProtocolVersion) -> SubscribeRequest.Entry {
        var entry = SubscribeRequest.Entry(filter(), qos: QoS.allCases.randomElement(using: &random) ?? .atMostOnce)
        guard version == .v5 else { return entry }
        entry.noLocal = chance(2) && !entry.filter.hasPrefix("$share")
        entry.retainAsPublished = chance(2)
        entry.retainHandling = SubscribeRequest.RetainHandling.allCases.randomElement(using: &random) ?? .always
        return entry
    }
}

/// A version, an end of the link and a kind of packet that may come to it.
struct Way: Sendable, CustomStringConvertible {
    let role: Role
    let version: ProtocolVersion
    let kind: PacketKind

    static let all = Role.allCases.flatMap { role in
        ProtocolVersion.allCases.flatMap { version in
            PacketKind.allCases.map { Way(role: role, version: version, kind: $0) }
        }
    }.filter { way in
        switch way.kind {
        case .connect, .subscribe, .unsubscribe, .pingreq: way.role == .server
        case .connack, .suback, .unsuback, .pingresp: way.role == .client
        case .disconnect: way.role == .server || way.version == .v5
        case .auth: way.version == .v5
        case .publish, .puback, .pubrec, .pubrel, .pubcomp: true
        }
    }

    var decoder: Decoder { kind == .connect ? Decoder() : Decoder(role, version) }
    var description: String { "\(kind) of \(version) to the \(role)" }
}

extension Decoder {
    /// What stands alone in some bytes; `nil` if it is not all there.
    mutating func packet(in bytes: [UInt8]) throws -> (Packet, byteCount: Int)? {
        guard case .packet(let packet, let count) = try next(bytes.span.bytes) else { return nil }
        return (packet, count)
    }
}
