import MartletMQTTWire
import Testing

/// What MQTT 3.1 leaves open, and later versions forbid.
@Suite struct OldestVersionTests {
    private static func text(_ text: String) -> [UInt8] { [0, UInt8(text.utf8.count)] + Array(text.utf8) }

    private static func connect(_ first: UInt8 = 0x10, flags: UInt8, _ rest: [UInt8] = []) -> [UInt8] {
        let body = text("MQIsdp") + [3, flags, 0, 10] + text("id") + rest
        return [first, UInt8(body.count)] + body
    }

    private static func packet(_ bytes: [UInt8], _ version: ProtocolVersion?) throws -> Packet? {
        var decoder = version.map { Decoder(.server, $0) } ?? Decoder()
        guard case .packet(let packet, bytes.count) = try decoder.next(bytes.span.bytes) else { return nil }
        return packet
    }

    // MQTT 3.1: 3.1, on the flags.
    @Test(arguments: [
        connect(flags: 0b01), connect(0x14, flags: 0b10), connect(0x18, flags: 0), connect(0x1F, flags: 0b11),
    ]) func flagsOfConnectThatMeanNothing(_ bytes: [UInt8]) throws {
        guard case .connect(let connect) = try Self.packet(bytes, nil) else {
            Issue.record("no CONNECT")
            return
        }
        #expect(connect.clientID == "id" && connect.version == .v31)
    }

    // MQTT 3.1: 3.1, on the user name flag: the length takes precedence over it.
    @Test func aUserThatIsAnnouncedAndMissing() throws {
        for (rest, user, password) in [
            ([], nil, nil), (Self.text("u"), "u", nil), (Self.text("u") + Self.text("p"), "u", Array("p".utf8)),
        ] as [([UInt8], String?, [UInt8]?)] {
            guard case .connect(let connect) = try Self.packet(Self.connect(flags: 0b1100_0010, rest), nil) else {
                Issue.record("no CONNECT")
                return
            }
            #expect(connect.userName == user)
            #expect(connect.password == password)
        }
    }

    // MQTT 3.1: 2.1, on DUP: PUBREL, SUBSCRIBE and UNSUBSCRIBE are said again with it.
    @Test func whatIsSaidAgainIsMarked() throws {
        let subscribe = [0, 1] + Self.text("t") + [1]
        let packets: [(UInt8, [UInt8])] = [
            (0x6A, [0, 1]), (0x8A, subscribe), (0xAA, [0, 1] + Self.text("t")), (0x48, [0, 1]), (0xC1, []),
        ]
        for (first, body) in packets {
            let bytes = [first, UInt8(body.count)] + body
            #expect(try Self.packet(bytes, .v31) != nil)
            for version in [ProtocolVersion.v311, .v5] {
                #expect(throws: WireFault.self) { try Self.packet(bytes, version) }
            }
        }
        // Their quality is 1 all the same.
        #expect(throws: WireFault.self) { try Self.packet([0x60, 2, 0, 1], .v31) }
        #expect(throws: WireFault.self) { try Self.packet([0x84, UInt8(subscribe.count)] + subscribe, .v31) }
    }
}
