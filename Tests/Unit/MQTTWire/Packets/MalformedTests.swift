import MartletMQTTWire
import Testing

/// What a server must not take, and the reason that it gives.
@Suite struct MalformedTests {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let bytes: [UInt8]
        let reason: ReasonCode
        var version: ProtocolVersion? = .v5

        init(_ description: String, _ bytes: [UInt8], _ reason: ReasonCode, _ version: ProtocolVersion? = .v5) {
            self.description = description
            self.bytes = bytes
            self.reason = reason
            self.version = version
        }

        /// A packet of a first byte and what follows the length.
        init(
            _ description: String,
            _ first: UInt8,
            _ body: [UInt8],
            _ reason: ReasonCode,
            _ version: ProtocolVersion? = .v5
        ) {
            self.init(description, [first, UInt8(body.count)] + body, reason, version)
        }
    }

    private static func text(_ text: String) -> [UInt8] { [0, UInt8(text.utf8.count)] + Array(text.utf8) }
    private static func connect(_ flags: UInt8, level: UInt8 = 5, _ rest: [UInt8] = [0] + text("id")) -> [UInt8] {
        text("MQTT") + [level, flags, 0, 60] + rest
    }

    static let first: [Case] = [
        Case("PINGREQ comes first", [0xC0, 0], .protocolError, nil),
        Case("PUBLISH comes first", [0x30], .protocolError, nil),
        Case("CONNACK comes first", [0x20, 2, 0, 0], .protocolError, nil),
        Case("a kind that there is not", [0x00], .malformedPacket, nil),
        Case("CONNECT with flags", 0x11, connect(2), .malformedPacket, nil),
        Case("CONNECT with flags in 3.1.1", 0x18, connect(2, level: 4, text("id")), .malformedPacket, nil),
        Case("a huge CONNECT, of which nothing has come", [0x10, 0xFF, 0xFF, 0xFF, 0x7F], .packetTooLarge, nil),
        Case("a length of five bytes", [0x10, 0x80, 0x80, 0x80, 0x80, 1], .malformedPacket, nil),
        Case("a length longer than it needs to be", [0x10, 0x8C, 0x00], .malformedPacket, nil),
        Case("a CONNECT of nothing", [0x10, 0], .malformedPacket, nil),
        Case("another protocol", 0x10, text("HTTP") + [5, 2, 0, 0, 0] + text("id"), .protocolError, nil),
        Case(
            "a name with another version",
            0x10,
            text("MQIsdp") + [4, 2, 0, 0] + text("id"),
            .unsupportedProtocolVersion,
            nil
        ),
        Case("version 6", 0x10, connect(2, level: 6), .unsupportedProtocolVersion, nil),
        Case("a reserved flag", 0x10, connect(0b11), .malformedPacket, nil),
        Case("a will of QoS 3", 0x10, connect(0b0001_1110), .malformedPacket, nil),
        Case("a QoS for no will", 0x10, connect(0b0000_1010), .malformedPacket, nil),
        Case("a retain flag for no will", 0x10, connect(0b0010_0010), .malformedPacket, nil),
        Case(
            "a password without a user in 3.1.1",
            0x10,
            connect(0b0100_0010, level: 4, text("id") + text("p")),
            .malformedPacket,
            nil
        ),
        Case("a user that is not there", 0x10, connect(0b1000_0010), .malformedPacket, nil),
        Case("something behind the end", 0x10, connect(2, [0] + text("id") + [1]), .malformedPacket, nil),
        Case("a client's name that is not UTF-8", 0x10, connect(2, [0, 0, 2, 0xC3, 0x28]), .malformedPacket, nil),
        Case("a client's name with U+0000", 0x10, connect(2, [0, 0, 1, 0]), .malformedPacket, nil),
        Case(
            "a client's name with half of a pair",
            0x10,
            connect(2, [0, 0, 3, 0xED, 0xA0, 0x80]),
            .malformedPacket,
            nil
        ),
        Case("a receive maximum of 0", 0x10, connect(2, [3, 0x21, 0, 0] + text("id")), .protocolError, nil),
        Case("a packet size of 0", 0x10, connect(2, [5, 0x27, 0, 0, 0, 0] + text("id")), .protocolError, nil),
        Case("a property twice", 0x10, connect(2, [6, 0x21, 0, 1, 0x21, 0, 1] + text("id")), .protocolError, nil),
        Case("a flag of 2", 0x10, connect(2, [2, 0x17, 2] + text("id")), .protocolError, nil),
        Case("a property of PUBLISH", 0x10, connect(2, [3, 0x23, 0, 1] + text("id")), .malformedPacket, nil),
        Case("a property that there is not", 0x10, connect(2, [2, 0x7E, 1] + text("id")), .malformedPacket, nil),
        Case("properties beyond the end", 0x10, connect(2, [0x7F] + text("id")), .malformedPacket, nil),
        Case("data without a method", 0x10, connect(2, [4, 0x16, 0, 1, 9] + text("id")), .protocolError, nil),
        Case(
            "a will with an alias",
            0x10,
            connect(6, [0] + text("id") + [3, 0x23, 0, 1] + text("t") + text("w")),
            .malformedPacket,
            nil
        ),
        Case(
            "a will to a wildcard",
            0x10,
            connect(6, [0] + text("id") + [0] + text("t/#") + text("w")),
            .malformedPacket,
            nil
        ),
        Case(
            "a will to nothing",
            0x10,
            connect(6, [0] + text("id") + [0] + text("") + text("w")),
            .malformedPacket,
            nil
        ),
    ]

    static let later: [Case] = [
        Case("a second CONNECT", [0x10], .protocolError),
        Case("CONNACK from a client", [0x20], .protocolError),
        Case("SUBACK from a client", [0x90], .protocolError),
        Case("UNSUBACK from a client", [0xB0], .protocolError),
        Case("PINGRESP from a client", [0xD0], .protocolError),
        Case("AUTH in 3.1.1", [0xF0], .protocolError, .v311),
        Case("PUBLISH of QoS 3", 0x36, text("t") + [0, 1, 0], .malformedPacket),
        Case("a duplicate of QoS 0", 0x38, text("t") + [0], .malformedPacket),
        Case("PUBLISH to a wildcard", 0x30, text("a/+") + [0], .malformedPacket),
        Case("PUBLISH to nothing in 3.1.1", 0x30, text(""), .malformedPacket, .v311),
        Case("PUBLISH to nothing without an alias", 0x30, text("") + [0], .protocolError),
        Case("PUBLISH without an identifier", 0x32, text("t"), .malformedPacket, .v311),
        Case("PUBLISH with the identifier 0", 0x32, text("t") + [0, 0, 0], .protocolError),
        Case("PUBLISH with a subscription identifier", 0x30, text("t") + [2, 0x0B, 1], .protocolError),
        Case("PUBLISH with the alias 0", 0x30, text("t") + [3, 0x23, 0, 0], .topicAliasInvalid),
        Case("PUBLISH whose topic is longer than it", 0x30, [0xFF, 0xFF, 0x41], .malformedPacket),
        Case("PUBLISH with a response topic of wildcards", 0x30, text("t") + [6, 0x08] + text("a/#"), .protocolError),
        Case(
            "PUBLISH with a property's length of five bytes",
            0x30,
            text("t") + [0xFF, 0xFF, 0xFF, 0xFF, 1],
            .malformedPacket
        ),
        Case("PUBLISH with a control character", 0x30, text("a\u{1}b") + [0], .malformedPacket),
        Case("PUBLISH beyond the limit", [0x30, 0x80, 0x80, 0x80, 0x40], .packetTooLarge),
        Case("PUBACK with flags", [0x41], .malformedPacket),
        Case("PUBACK with half of an identifier", 0x40, [1], .malformedPacket),
        Case("PUBACK with the identifier 0", 0x40, [0, 0], .protocolError),
        Case("PUBACK with a reason of another kind", 0x40, [0, 1, 0x92], .protocolError),
        Case("PUBACK with a reason in 3.1.1", 0x40, [0, 1, 0], .malformedPacket, .v311),
        Case("PUBREL with the wrong flags", [0x60], .malformedPacket),
        Case("SUBSCRIBE with the wrong flags", [0x80], .malformedPacket),
        Case("SUBSCRIBE of nothing", 0x82, [0, 1, 0], .protocolError),
        Case("SUBSCRIBE of nothing in 3.1.1", 0x82, [0, 1], .malformedPacket, .v311),
        Case("SUBSCRIBE with the identifier 0", 0x82, [0, 0, 0] + text("t") + [0], .protocolError),
        Case("SUBSCRIBE without options", 0x82, [0, 1, 0] + text("t"), .malformedPacket),
        Case("SUBSCRIBE that ends in a filter", 0x82, [0, 1, 0, 0, 9, 0x41], .malformedPacket),
        Case("SUBSCRIBE with QoS 3", 0x82, [0, 1, 0] + text("t") + [3], .malformedPacket),
        Case("SUBSCRIBE with options that mean nothing", 0x82, [0, 1, 0] + text("t") + [0x40], .malformedPacket),
        Case("SUBSCRIBE with options in 3.1.1", 0x82, [0, 1] + text("t") + [0x04], .malformedPacket, .v311),
        Case("SUBSCRIBE with retain handling 3", 0x82, [0, 1, 0] + text("t") + [0x30], .protocolError),
        Case("SUBSCRIBE to nothing", 0x82, [0, 1, 0] + text("") + [0], .malformedPacket),
        Case("SUBSCRIBE to a wildcard in a level", 0x82, [0, 1, 0] + text("a+/b") + [0], .malformedPacket),
        Case("SUBSCRIBE to a # that is not last", 0x82, [0, 1, 0] + text("#/b") + [0], .malformedPacket),
        Case("SUBSCRIBE by a group without a name", 0x82, [0, 1, 0] + text("$share//x") + [0], .malformedPacket),
        Case("SUBSCRIBE by a group with a wildcard", 0x82, [0, 1, 0] + text("$share/a+/x") + [0], .malformedPacket),
        Case("SUBSCRIBE by a group to nothing", 0x82, [0, 1, 0] + text("$share/a/") + [0], .malformedPacket),
        Case("SUBSCRIBE by a group alone", 0x82, [0, 1, 0] + text("$share/a") + [0], .malformedPacket),
        Case("SUBSCRIBE by a group without its own", 0x82, [0, 1, 0] + text("$share/a/x") + [4], .protocolError),
        Case(
            "SUBSCRIBE with the identifier of subscription 0",
            0x82,
            [0, 1, 2, 0x0B, 0] + text("t") + [0],
            .protocolError
        ),
        Case("SUBSCRIBE with two of them", 0x82, [0, 1, 4, 0x0B, 1, 0x0B, 2] + text("t") + [0], .protocolError),
        Case("PUBLISH to what is not UTF-8", 0x30, [0, 2, 0xC3, 0x28, 0], .malformedPacket),
        Case("a content type that is not UTF-8", 0x30, text("t") + [5, 0x03, 0, 2, 0xC3, 0x28], .malformedPacket),
        Case("a response topic that is not UTF-8", 0x30, text("t") + [5, 0x08, 0, 2, 0xC3, 0x28], .malformedPacket),
        Case(
            "a user property that is not UTF-8",
            0x30,
            text("t") + [8, 0x26, 0, 2, 0xC3, 0x28, 0, 1, 0x41],
            .malformedPacket
        ),
        Case("SUBSCRIBE to what is not UTF-8", 0x82, [0, 1, 0, 0, 2, 0xC3, 0x28, 0], .malformedPacket),
        Case("UNSUBSCRIBE of what is not UTF-8", 0xA2, [0, 1, 0, 0, 2, 0xC3, 0x28], .malformedPacket),
        Case("UNSUBSCRIBE of nothing", 0xA2, [0, 1, 0], .protocolError),
        Case("UNSUBSCRIBE with the wrong flags", [0xA0], .malformedPacket),
        Case("PINGREQ with a body", [0xC0, 1], .malformedPacket),
        Case("DISCONNECT with a body in 3.1.1", [0xE0, 1], .malformedPacket, .v311),
        Case("DISCONNECT with a reason of another kind", 0xE0, [0x85], .protocolError),
        Case("DISCONNECT with something behind its end", 0xE0, [0, 0, 0], .malformedPacket),
        Case("AUTH with a reason of another kind", 0xF0, [0x80], .protocolError),
    ]

    // MQTT 5: 1.5.4-1, 1.5.4-2, 1.5.5-1, 2.1.3-1, 2.2.1-3, 3.1.0-1, 3.1.0-2, 3.1.2-1, 3.1.2-2, 3.1.2-3, 3.1.2-11,
    // MQTT 5: 3.1.2-12, 3.1.2-13, 3.1.3-4, 3.1.4-1, 3.3.1-2, 3.3.1-4, 3.3.2-1, 3.3.2-2, 3.3.2-8, 3.3.2-13, 3.3.2-14,
    // MQTT 5: 3.3.2-19, 3.3.4-6, 3.6.1-1, 3.8.1-1, 3.8.3-1, 3.8.3-2, 3.8.3-4, 3.8.3-5, 3.10.1-1, 3.10.3-1, 3.10.3-2, 3.15.2-1,
    // MQTT 5: 4.7.0-1, 4.7.1-1, 4.7.1-2, 4.7.3-1, 4.8.2-1, 4.8.2-2.
    // MQTT 3.1.1: 1.5.3-1, 1.5.3-2, 2.2.2-1, 2.3.1-1, 3.1.0-1, 3.1.2-11, 3.1.2-13, 3.1.2-14, 3.1.2-15, 3.1.2-22,
    // MQTT 3.1.1: 3.3.1-2, 3.3.1-4, 3.3.2-1, 3.3.2-2, 3.6.1-1, 3.8.1-1, 3.8.3-1, 3.8.3-3, 3.8.3-4, 3.10.1-1,
    // MQTT 3.1.1: 3.10.3-1, 3.10.3-2, 3.14.1-1, 4.7.1-1, 4.7.1-2, 4.7.1-3, 4.7.3-1.
    @Test(arguments: first + later) func isRefused(_ malformed: Case) {
        var decoder = malformed.version.map { Decoder(.server, $0) } ?? Decoder()
        let fault = #expect(throws: WireFault.self) { try decoder.next(malformed.bytes.span.bytes) }
        #expect(fault?.reason == malformed.reason, "\(fault?.text ?? "")")
    }

    /// What a client of MQTT 5 has wrong in its CONNECT it is told, in its version; before the version is known, nothing is.
    @Test func aConnectIsAnsweredInItsVersion() {
        func answer(_ body: [UInt8]) -> ProtocolVersion? {
            var decoder = Decoder()
            let bytes = [0x10, UInt8(body.count)] + body
            return #expect(throws: WireFault.self) { try decoder.next(bytes.span.bytes) }?.answer
        }
        #expect(answer(Self.connect(3)) == .v5)
        #expect(answer(Self.connect(3, level: 4)) == .v311)
        #expect(answer(Self.connect(2, level: 6)) == .v311)
        #expect(answer(Self.text("HTTP") + [5, 2, 0, 0, 0]) == nil)
    }

    /// What would take memory in proportion to what a packet claims to have.
    @Test func muchOfSomethingIsRefused() {
        func reason(_ packet: Packet) -> ReasonCode? {
            var decoder = Decoder(.server, .v5)
            let bytes = Encoder(.v5).bytes(of: packet)
            return #expect(throws: WireFault.self) { try decoder.next(bytes.span.bytes) }?.reason
        }
        var many = PropertyList()
        for _ in 0..<65 { many.add("a", value: "b") }
        #expect(reason(.publish(Publish(topic: "t", payload: [], properties: many))) == .quotaExceeded)
        var long = PropertyList()
        long.add("a", value: String(repeating: "b", count: 20_000))
        #expect(reason(.publish(Publish(topic: "t", payload: [], properties: long))) == .quotaExceeded)
        let filters = Array(repeating: "t", count: 1_025)
        #expect(reason(.unsubscribe(UnsubscribeRequest(1, filters))) == .quotaExceeded)
        #expect(reason(.subscribe(SubscribeRequest(1, filters.map { .init($0) }))) == .quotaExceeded)
    }

    @Test func mosquittosBridgesAreKnown() throws {
        var decoder = Decoder()
        let body = Self.connect(2, level: 0x84, Self.text("bridge"))
        let packet = try decoder.packet(in: [0x10, UInt8(body.count)] + body)?.0
        guard case .connect(let connect) = packet else {
            Issue.record("\(String(describing: packet))")
            return
        }
        #expect(connect.isBridge && connect.version == .v311)
    }
}
