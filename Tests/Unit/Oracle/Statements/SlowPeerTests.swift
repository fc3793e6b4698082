import MartletMQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import Martlet
@testable import MartletServer

/// Clients whose lines are slow, in either direction.
@Suite struct SlowPeerTests {
    /// A packet that takes longer than a keep-alive is waited for, as long as more and more of it comes.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func aPacketMayTakeLongerThanAKeepAlive(
        _ version: ProtocolVersion
    ) throws {
        let bench = Bench()
        let peer = try bench.client("a", version, keepAlive: 10)
        let publish = Publish(topic: "t", payload: [UInt8](repeating: 7, count: 6_000), qos: .atLeastOnce, packetID: 1)
        let bytes = Encoder(version).bytes(of: .publish(publish))
        for start in stride(from: 0, to: 5_000, by: 500) {
            peer.send(Array(bytes[start..<start + 500]))
            bench.pass(.seconds(7))
        }
        #expect(peer.isOpen)
        peer.send(Array(bytes[5_000...]))
        #expect(peer.take().kinds == [.connack, .puback])
        // What has come by then says nothing of the time after it.
        bench.pass(.milliseconds(14_999))
        #expect(peer.isOpen)
        bench.pass(.milliseconds(1))
        #expect(!peer.isOpen)
    }

    /// Whoever says a packet byte by byte, to be waited for, is silent.
    @Test func dripsAreSilence() throws {
        let bench = Bench()
        let peer = try bench.client("a", keepAlive: 10)
        let bytes = Encoder(.v5).bytes(of: .publish(Publish(topic: "t", payload: [UInt8](repeating: 7, count: 6_000))))
        for byte in bytes[..<150] {
            #expect(peer.isOpen)
            peer.send([byte])
            bench.pass(.milliseconds(100))
        }
        #expect(peer.take().reason == .keepAliveTimeout)
    }

    /// That more waits than should is told once, and the room again by whatever takes it next, however soon.
    @Test func roomIsToldOfAtOnce() {
        let connection = ClientConnection(EmbeddedChannel(), from: nil, listener: "mqtt")
        #expect(connection.append(ByteBuffer(repeating: 0, count: 300 << 10), after: 0).isFull)
        #expect(connection.take(upTo: 0).makesRoom)
        #expect(!connection.append(ByteBuffer(repeating: 0, count: 10), after: 0).isFull)
        #expect(!connection.take(upTo: 0).makesRoom)
        // What waits for the store leaves no room yet.
        #expect(connection.append(ByteBuffer(repeating: 0, count: 300 << 10), after: 1).isFull)
        #expect(!connection.take(upTo: 0).makesRoom)
        #expect(connection.take(upTo: 1).makesRoom)
    }
}
