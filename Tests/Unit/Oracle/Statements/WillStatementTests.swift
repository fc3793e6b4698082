import MartletMQTTWire
import Testing

@testable import Martlet
@testable import MartletServer

/// What MQTT says of wills, and of the end of a connection.
@Suite struct WillStatementTests {
    private static func will(retain: Bool = false, delay: UInt32 = 0, _ pairs: [String] = []) -> WillMessage {
        var properties = PropertyList()
        if delay > 0 { properties.add(.willDelayInterval, delay) }
        for pair in pairs { properties.add(pair, value: "v") }
        return WillMessage(topic: "gone", payload: Array("w".utf8), retain: retain, properties: properties)
    }

    // MQTT 5: 3.1.2-7, 3.1.2-8, 3.1.2-14, 3.1.2-15. MQTT 3.1.1: 3.1.2-8, 3.1.2-16, 3.1.2-17.
    @Test(arguments: [ProtocolVersion.v311, .v5], [false, true]) func aWillIsPublished(
        _ version: ProtocolVersion,
        _ retain: Bool
    ) throws {
        let bench = Bench()
        let listener = try bench.client("l")
        listener.subscribe(.init("gone"))
        let peer = try bench.client("a", version, will: Self.will(retain: retain))
        #expect(listener.texts().isEmpty)
        peer.leave()
        #expect(listener.texts() == ["w"])
        let later = try bench.client("later")
        later.subscribe(.init("gone"))
        #expect(later.messages().map(\.retain) == (retain ? [true] : []))
    }

    // MQTT 5: 3.1.2-10, 3.14.4-3. MQTT 3.1.1: 3.1.2-10, 3.1.2-12, 3.14.4-3.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func itIsPublishedOnceAndNotAfterDisconnect(
        _ version: ProtocolVersion
    ) throws {
        let bench = Bench()
        let listener = try bench.client("l")
        listener.subscribe(.init("gone"))
        let expiry: UInt32? = version == .v5 ? 1_000 : nil
        try bench.client("a", version, cleanStart: false, expiry: expiry, will: Self.will()).say(
            .disconnect(Disconnect())
        )
        try bench.client("none", version).leave()
        #expect(listener.texts().isEmpty)
        try bench.client("a", version, cleanStart: false, expiry: expiry, will: Self.will()).leave()
        #expect(listener.texts() == ["w"])
        // The next connection has none.
        try bench.client("a", version, cleanStart: false, expiry: expiry).leave()
        bench.pass(.seconds(2_000))
        #expect(listener.texts().isEmpty)
    }

    // MQTT 5: 3.1.2-8, 3.1.3-9, 4.1.0-2.
    @Test func itWaitsForItsDelayOrTheSessionsEnd() throws {
        let bench = Bench()
        let listener = try bench.client("l")
        listener.subscribe(.init("gone"))
        func leave(_ expiry: UInt32, _ delay: UInt32) throws {
            try bench.client("a", cleanStart: false, expiry: expiry, will: Self.will(delay: delay)).leave()
        }
        try leave(100, 10)
        bench.pass(.milliseconds(9_999))
        #expect(listener.texts().isEmpty)
        bench.pass(.milliseconds(1))
        #expect(listener.texts() == ["w"])
        try leave(5, 10)
        bench.pass(.milliseconds(4_999))
        #expect(listener.texts().isEmpty)
        bench.pass(.milliseconds(1))
        #expect(listener.texts() == ["w"])
        #expect(bench.hub.statistics.sessions == 1)
        // A client that is back before it is due has none published.
        try leave(100, 10)
        bench.pass(.seconds(9))
        let back = try bench.client("a", cleanStart: false, expiry: 100)
        bench.pass(.seconds(100))
        #expect(listener.texts().isEmpty && back.isOpen)
    }

    // A connection ends for whatever reason but DISCONNECT 0x00.
    // MQTT 5: 3.1.2-8. MQTT 3.1.1: 3.1.2-8.
    @Test func itIsPublishedHoweverTheConnectionEnds() throws {
        let bench = Bench()
        let listener = try bench.client("l")
        listener.subscribe(.init("gone"))
        try bench.client("a", will: Self.will()).send([0xFF])
        #expect(listener.texts() == ["w"])
        try bench.client("a", will: Self.will()).say(.disconnect(Disconnect(.disconnectWithWill)))
        #expect(listener.texts() == ["w"])
        let taken = try bench.client("a", will: Self.will())
        _ = try bench.client("a")
        #expect(listener.texts() == ["w"] && !taken.isOpen)
        _ = try bench.client("b", .v311, keepAlive: 10, will: Self.will())
        bench.pass(.seconds(15))
        #expect(listener.texts() == ["w"])
    }

    // MQTT 5: 3.1.3-10.
    @Test func itsUserPropertiesKeepTheirOrder() throws {
        let bench = Bench()
        let listener = try bench.client("l")
        listener.subscribe(.init("gone"))
        try bench.client("a", will: Self.will(["z", "a", "z", "m"])).leave()
        #expect(listener.messages().first?.properties.pairs.map(\.name) == ["z", "a", "z", "m"])
    }

    // MQTT 5: 3.14.1-1, 3.15.1-1, 4.13.1-1, 4.13.2-1, 3.14.4-1, 3.14.4-2. MQTT 3.1.1: 3.14.1-1, 2.2.2-2, 4.8.0-1.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func whatIsMalformedClosesTheConnection(_ version: ProtocolVersion)
        throws
    {
        let bench = Bench()
        for bytes: [UInt8] in [[0xE1, 0], [0xF1, 0], [0x36, 5, 0, 1, 0x41, 0, 1], [0xC1, 0], [0x00, 0]] {
            let peer = try bench.client("a", version)
            _ = peer.take()
            peer.send(bytes)
            let packets = peer.take()
            // AUTH is of MQTT 5 alone.
            #expect(packets.kinds == (version == .v5 ? [.disconnect] : []))
            #expect(version != .v5 || packets.reason == .malformedPacket)
            #expect(!peer.isOpen)
            peer.publish("t")
            #expect(peer.take().isEmpty)
        }
    }

    // MQTT 5: 3.14.2-1, 3.14.2-2.
    @Test func theServersDisconnectHasAReasonOfItsOwnAndNoExpiry() throws {
        let bench = Bench()
        let peer = try bench.client("a", expiry: 100)
        _ = peer.take()
        bench.hub.close()
        guard case .disconnect(let disconnect) = peer.take().first else {
            Issue.record("it was not told")
            return
        }
        #expect(disconnect.reason == .serverShuttingDown && !disconnect.properties.has(.sessionExpiryInterval))
    }
}
