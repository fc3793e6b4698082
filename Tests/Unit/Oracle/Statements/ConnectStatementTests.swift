import MartletMQTTWire
import Testing

@testable import Martlet
@testable import MartletServer

/// What MQTT says of CONNECT and CONNACK.
@Suite struct ConnectStatementTests {
    private static func text(_ text: String) -> [UInt8] { [0, UInt8(text.utf8.count)] + Array(text.utf8) }
    private static func connect(_ name: String, level: UInt8, flags: UInt8 = 2, _ rest: [UInt8]) -> [UInt8] {
        let body = text(name) + [level, flags, 0, 0] + rest
        return [0x10, UInt8(body.count)] + body
    }

    // MQTT 5: 3.1.0-1, 3.1.0-2, 3.14.0-1. MQTT 3.1.1: 3.1.0-1, 3.1.0-2.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func connectComesFirstAndOnce(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let early = try bench.open()
        early.say(.pingreq)
        #expect(early.bytes().isEmpty && !early.isOpen)
        let twice = try bench.client("a", version)
        #expect(twice.take().kinds == [.connack])
        twice.say(.connect(Connect(version: version, clientID: "b")))
        #expect(twice.take().reason == (version == .v5 ? .protocolError : nil))
        #expect(!twice.isOpen)
        #expect(bench.hub.statistics.sessions == 0)
    }

    // MQTT 5: 3.1.2-1, 3.1.2-2, 3.2.2-6, 3.2.2-7. MQTT 3.1.1: 3.1.2-1, 3.1.2-2, 3.2.2-4, 3.2.2-5.
    @Test func otherProtocolsAndVersionsAreRefused() throws {
        let bench = Bench()
        let other = try bench.open()
        other.send(Self.connect("HTTP", level: 5, [0] + Self.text("a")))
        #expect(other.bytes().isEmpty && !other.isOpen)
        let newer = try bench.open()
        newer.send(Self.connect("MQTT", level: 6, [0] + Self.text("a")))
        // In the last version that has such an answer for all.
        #expect(newer.bytes() == [0x20, 2, 0, 1])
        #expect(!newer.isOpen)
    }

    // MQTT 5: 3.1.2-3, 3.1.4-1, 3.2.2-8. MQTT 3.1.1: 3.1.2-3, 3.1.4-1, 3.2.2-6.
    @Test func aConnectOfAnotherFormIsClosed() throws {
        let bench = Bench()
        let reserved = try bench.open()
        reserved.send(Self.connect("MQTT", level: 5, flags: 3, [0] + Self.text("a")))
        #expect(reserved.bytes() == [0x20, 3, 0, 0x81, 0])
        #expect(!reserved.isOpen)
        let older = try bench.open()
        older.send(Self.connect("MQTT", level: 4, flags: 3, Self.text("a")))
        #expect(older.bytes().isEmpty && !older.isOpen)
    }

    // The fields are there as the flags say, and in their order.
    // MQTT 5: 3.1.2-9, 3.1.2-16, 3.1.2-17, 3.1.2-18, 3.1.2-19, 3.1.3-1, 3.1.3-3, 3.1.3-4, 3.1.3-11, 3.1.3-12.
    // MQTT 3.1.1: 3.1.2-9, 3.1.2-18, 3.1.2-19, 3.1.2-20, 3.1.2-21, 3.1.3-1, 3.1.3-3, 3.1.3-4, 3.1.3-10, 3.1.3-11.
    @Test(arguments: [(UInt8(4), ProtocolVersion.v311), (5, .v5)]) func theFieldsOfConnectAreInOrder(
        _ level: UInt8,
        _ version: ProtocolVersion
    ) throws {
        let none: [UInt8] = version == .v5 ? [0] : []
        let fields = [
            none, Self.text("id"), none, Self.text("gone"), Self.text("will"), Self.text("user"), Self.text("pass"),
        ]
        for flags: UInt8 in [0b0000_0010, 0b1000_0110, 0b1100_0110, 0b1000_0010, 0b0011_0110] {
            var there = Array(fields[0...1])
            if flags & 0b100 != 0 { there += fields[2...4] }
            if flags & 0b1000_0000 != 0 { there.append(fields[5]) }
            if flags & 0b100_0000 != 0 { there.append(fields[6]) }
            let bytes = Self.connect("MQTT", level: level, flags: flags, Array(there.joined()))
            var decoder = Decoder()
            guard case .packet(.connect(let connect), bytes.count) = try decoder.next(bytes.span.bytes) else {
                Issue.record("\(flags) is not read")
                continue
            }
            #expect(connect.clientID == "id" && connect.version == version)
            #expect(connect.will?.topic == (flags & 0b100 == 0 ? nil : "gone"))
            #expect(connect.will?.payload == (flags & 0b100 == 0 ? nil : Array("will".utf8)))
            #expect(connect.userName == (flags & 0b1000_0000 == 0 ? nil : "user"))
            #expect(connect.password == (flags & 0b100_0000 == 0 ? nil : Array("pass".utf8)))
            #expect(Encoder(version).bytes(of: .connect(connect)) == bytes)
            // One field less or more is none of it.
            for other in [Array(there.dropLast().joined()), Array(there.joined()) + Self.text("more")] {
                let bytes = Self.connect("MQTT", level: level, flags: flags, other)
                var decoder = Decoder()
                #expect(throws: WireFault.self) { try decoder.next(bytes.span.bytes) }
            }
        }
    }

    // MQTT 5: 3.1.2-4, 3.1.2-5, 3.1.2-6, 3.1.4-4, 3.1.4-5, 3.2.0-2, 3.2.2-1, 3.2.2-2, 3.2.2-3, 3.1.3-2, 3.1.2-23.
    // MQTT 3.1.1: 3.1.2-4, 3.1.2-6, 3.1.4-3, 3.1.4-4, 3.2.2-1, 3.2.2-2, 3.2.2-3, 3.1.3-2.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func aSessionIsPresentOrNew(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let expiry: UInt32? = version == .v5 ? 60 : nil
        func present(cleanStart: Bool, _ id: String = "a") throws -> Bool? {
            let peer = try bench.client(id, version, cleanStart: cleanStart, expiry: expiry)
            defer { peer.leave() }
            let packets = peer.take()
            #expect(packets.kinds == [.connack] && packets.connack?.reason == .success)
            return packets.connack?.sessionPresent
        }
        #expect(try present(cleanStart: false) == false)
        #expect(try present(cleanStart: false) == true)
        #expect(try present(cleanStart: false, "b") == false)
        #expect(try present(cleanStart: true) == false)
        // Before MQTT 5 a session that began clean ends with its connection.
        #expect(try present(cleanStart: false) == (version == .v5))
    }

    // MQTT 5: 3.1.3-5, 3.1.3-6, 3.1.3-7, 3.2.2-16. MQTT 3.1.1: 3.1.3-5, 3.1.3-6.
    @Test func identifiersAreTakenOrGiven() throws {
        let bench = Bench()
        for id in ["a", "0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ"] {
            for version in ProtocolVersion.allCases {
                #expect(try bench.client(id, version).take().connack?.reason == .success)
            }
        }
        var given: Set<String> = []
        for _ in 0..<10 {
            let connack = try bench.client("").take().connack
            given.insert(connack?.properties.text(.assignedClientIdentifier) ?? "")
        }
        #expect(given.count == 10 && !given.contains(""))
        #expect(try bench.client("", .v311).take().connack?.reason == .success)
    }

    // MQTT 5: 3.1.3-8, 3.2.2-6, 3.2.2-7. MQTT 3.1.1: 3.1.3-8, 3.1.3-9, 3.2.2-4, 3.2.2-5.
    @Test func aRefusedIdentifierIsToldAndClosed() throws {
        let bench = Bench()
        let older = try bench.client("", .v311, cleanStart: false)
        #expect(older.bytes() == [0x20, 2, 0, 2])
        let long = try bench.client(String(repeating: "x", count: 257))
        let connack = long.take().connack
        #expect(connack?.reason == .clientIdentifierNotValid && connack?.sessionPresent == false)
        #expect(!older.isOpen && !long.isOpen)
    }

    // MQTT 5: 3.1.4-2. MQTT 3.1.1: 3.2.2-5.
    @Test func whoMayNotConnectIsClosed() throws {
        let bench = Bench()
        bench.hub.close()
        let peer = try bench.client("a")
        #expect(peer.take().connack?.reason == .serverUnavailable)
        #expect(!peer.isOpen)
    }

    // MQTT 5: 3.1.4-3, 3.14.4-2. MQTT 3.1.1: 3.1.4-2.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func aSecondConnectionEndsTheFirst(_ version: ProtocolVersion) throws
    {
        let bench = Bench()
        let first = try bench.client("a", version)
        _ = first.take()
        let second = try bench.client("a", version)
        #expect(first.take().reason == (version == .v5 ? .sessionTakenOver : nil))
        #expect(!first.isOpen && second.isOpen)
    }

    // MQTT 5: 3.1.4-6. MQTT 3.1.1: 3.1.4-5.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func nothingIsReadBehindARefusal(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let listener = try bench.client("listener")
        listener.subscribe(.init("#"))
        let peer = try bench.open()
        let connect = Connect(version: version, clientID: String(repeating: "x", count: 300))
        let publish = Publish(topic: "t", payload: [1])
        peer.send(Encoder(version).bytes(of: .connect(connect)) + Encoder(version).bytes(of: .publish(publish)))
        peer.publish("t")
        #expect(listener.texts().isEmpty)
    }

    // MQTT 5: 3.2.0-1. MQTT 3.1.1: 3.2.0-1.
    @Test func connackComesBeforeWhatWaits() throws {
        let bench = Bench()
        let peer = try bench.client("a", expiry: 60)
        peer.subscribe(.init("t", qos: .atLeastOnce))
        peer.leave()
        try bench.client("b").publish("t", "1", .atLeastOnce, id: 1)
        let again = try bench.client("a", cleanStart: false, expiry: 60)
        #expect(again.take().kinds == [.connack, .publish])
    }

    // MQTT 5: 3.1.2-22, 3.2.2-22. MQTT 3.1.1: 3.1.2-24.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func silenceEndsAConnection(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let peer = try bench.client("a", version, keepAlive: 10)
        #expect(peer.take().connack?.properties.has(.serverKeepAlive) == false)
        bench.pass(.milliseconds(14_999))
        peer.say(.pingreq)
        #expect(peer.take().kinds == [.pingresp])
        bench.pass(.milliseconds(14_999))
        #expect(peer.isOpen)
        bench.pass(.milliseconds(1))
        #expect(peer.take().reason == (version == .v5 ? .keepAliveTimeout : nil))
        #expect(!peer.isOpen)
    }

    // MQTT 5: 3.1.2-28, 4.12.0-6.
    @Test func nothingIsToldThatWasNotAskedFor() throws {
        let bench = Bench()
        for asked: UInt32 in [0, 1] {
            let connack = try bench.client("a", terms: [(.requestResponseInformation, asked)]).take().connack
            #expect(connack?.properties.has(.responseInformation) == false)
            #expect(connack?.properties.has(.authenticationMethod) == false)
        }
    }

    // MQTT 5: 3.1.2-29, 3.2.2-19, 3.14.2-3, 3.1.2-24.
    @Test func wordsAreLeftOutWhereTheyAreNotWantedOrTooLong() throws {
        let bench = Bench()
        let peer = try bench.client("a", terms: [(.requestProblemInformation, 0), (.maximumPacketSize, 30)])
        peer.publish("$SYS/x", "x", .atLeastOnce, id: 1)
        peer.say(.auth(Auth(.reauthenticate)))
        for packet in peer.take() {
            #expect(Encoder(.v5).bytes(of: packet).count <= 30)
            switch packet {
            case .puback(let answer): #expect(answer.properties.isEmpty && answer.reason == .topicNameInvalid)
            case .disconnect(let disconnect): #expect(!disconnect.properties.has(.reasonString))
            default: break
            }
        }
        #expect(!peer.isOpen)
    }

    // MQTT 5: 4.12.0-1.
    @Test func anAuthenticationMethodIsNotSupported() throws {
        let bench = Bench()
        let peer = try bench.open()
        var connect = Connect(version: .v5, clientID: "a")
        connect.properties.add(.authenticationMethod, "SCRAM-SHA-256")
        peer.say(.connect(connect))
        #expect(peer.take().connack?.reason == .badAuthenticationMethod)
        #expect(!peer.isOpen)
    }

    // MQTT 5: 4.12.0-7.
    @Test func authWithoutAMethodBreaksTheProtocol() throws {
        let bench = Bench()
        let peer = try bench.client("a")
        peer.say(.auth(Auth(.reauthenticate)))
        #expect(peer.take().reason == .protocolError)
        #expect(!peer.isOpen)
    }
}
