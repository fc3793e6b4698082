import MartletMQTTWire
import Testing

@Suite struct RoundTripTests {
    // MQTT 5: 1.5.7-1, 2.2.1-2, 2.2.2-1, 3.2.2-1, 3.6.1-1, 3.8.1-1, 3.10.1-1.
    // MQTT 3.1.1: 2.2.2-1, 2.3.1-5.
    @Test(arguments: Way.all) func whatIsWrittenIsRead(_ way: Way) throws {
        var packets = RandomPackets(seed: UInt64(way.kind.rawValue) << 8 | UInt64(way.version.rawValue))
        for _ in 0..<500 {
            let packet = packets.packet(way.kind, way.version)
            let bytes = Encoder(way.version).bytes(of: packet)
            var decoder = way.decoder
            let read = try #require(try decoder.packet(in: bytes))
            #expect(read.0 == packet)
            #expect(read.byteCount == bytes.count)
            // Behind others, it is read where it begins.
            var next = way.decoder
            let shifted: [UInt8] = [1, 2, 3] + bytes + [0xFF]
            guard case .packet(packet, bytes.count) = try next.next(shifted.span.bytes, from: 3) else {
                Issue.record("\(packet) is not read behind other bytes")
                return
            }
        }
    }

    /// A packet of which a part is there is waited for, wherever it was cut, and no longer than it is.
    @Test(arguments: Way.all) func whatIsCutIsWaitedFor(_ way: Way) throws {
        var packets = RandomPackets(seed: UInt64(way.kind.rawValue))
        for _ in 0..<50 {
            let bytes = Encoder(way.version).bytes(of: packets.packet(way.kind, way.version))
            for count in 0..<bytes.count {
                var decoder = way.decoder
                guard case .incomplete(let wanted) = try decoder.next(Array(bytes[..<count]).span.bytes) else {
                    Issue.record("\(count) of \(bytes.count) bytes are a packet")
                    return
                }
                #expect(wanted > count && wanted <= bytes.count)
            }
        }
    }

    /// The same, cut inside: a packet that says it ends where it does not is refused or is another one, and never read
    /// beyond its end.
    @Test(arguments: Way.all) func whatEndsEarlyIsRefused(_ way: Way) throws {
        var packets = RandomPackets(seed: 99 + UInt64(way.kind.rawValue))
        for _ in 0..<50 {
            let bytes = Encoder(way.version).bytes(of: packets.packet(way.kind, way.version))
            guard bytes.count > 2, bytes.count < 128 else { continue }
            for length in 0..<(bytes.count - 2) {
                var shorter = Array(bytes[..<(length + 2)])
                shorter[1] = UInt8(length)
                var decoder = way.decoder
                if let (packet, count) = try? decoder.packet(in: shorter) {
                    #expect(count == shorter.count)
                    #expect(Encoder(way.version).bytes(of: packet).count <= shorter.count)
                }
            }
        }
    }

    /// The longest texts that there are, and a body of some megabytes.
    // MQTT 5: 3.3.2-13, 4.7.3-3.
    @Test func longOnesAreRead() throws {
        let long = String(repeating: "x", count: 65_535)
        var list = PropertyList()
        list.add(.responseTopic, long)
        list.add(.correlationData, Array(repeating: 7, count: 65_535))
        let packet = Packet.publish(
            Publish(
                topic: long,
                payload: Array(repeating: 1, count: 3 << 20),
                qos: .exactlyOnce,
                packetID: 1,
                properties: list
            )
        )
        var decoder = Decoder(.server, .v5, limits: WireLimits(packetBytes: 4 << 20))
        #expect(try decoder.packet(in: Encoder(.v5).bytes(of: packet))?.0 == packet)
    }
}
