import MartletMQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import Martlet
@testable import MartletServer

/// Clients whose lines are slow, in either direction.
@Suite struct SlowPeerTests {
    /// A packet that takes longer than a keep-alive is waited for, as long as more and more of it comes; also one in a frame of a
    /// WebSocket, of which nothing is known until it is whole.
    @Test(arguments: [(ProtocolVersion.v311, false), (.v5, false), (.v5, true)])
    func aPacketMayTakeLongerThanAKeepAlive(_ version: ProtocolVersion, _ isFramed: Bool) throws {
        let bench = Bench()
        let peer = try bench.client("a", version, keepAlive: 10, by: isFramed ? .webSocket() : .mqtt())
        let publish = Publish(topic: "t", payload: [UInt8](repeating: 7, count: 6_000), qos: .atLeastOnce, packetID: 1)
        let packet = Encoder(version).bytes(of: .publish(publish))
        let bytes = isFramed ? Peer.frame(packet) : packet
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

    /// By pings of WebSockets a browser, or a proxy, says that it is there; not the client, which has a packet for that.
    @Test func pingsOfAWebSocketAreSilence() throws {
        let bench = Bench()
        let peer = try bench.client("a", keepAlive: 10, by: .webSocket())
        _ = peer.take()
        for _ in 0..<150 {
            #expect(peer.isOpen)
            peer.send(Peer.frame([UInt8](repeating: 7, count: 100), opcode: 9))
            bench.pass(.milliseconds(100))
        }
        #expect(peer.take().reason == .keepAliveTimeout)
    }

    /// What waits is handed to a socket that takes more again as far as it does, and not all at once: it would no longer count as
    /// waiting, and so have no bound.
    @Test(arguments: QoS.allCases) func whatWaitsStaysWhereItIsBounded(_ qos: QoS) throws {
        let bench = Bench()
        let reader = try bench.client("reader")
        reader.subscribe(.init("t", qos: qos))
        let writer = try bench.client("writer")
        reader.isWritable = false
        bench.hub.setWritable(false, reader.connection)
        let count = 100
        for number in 0..<count {
            writer.publish("t", "\(number) " + String(repeating: "x", count: 100_000), qos, id: UInt16(number + 1))
        }
        #expect(bench.hub.statistics.queued == count)
        // It takes some, and is full again.
        bench.hub.setWritable(true, reader.connection)
        #expect(bench.hub.statistics.queued >= count - 4)
        reader.isWritable = true
        bench.hub.setWritable(true, reader.connection)
        let numbers = reader.texts().compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(numbers == (0..<count).map(String.init))
        #expect(bench.hub.statistics.queued == 0)
    }

    /// A socket tells of its room while it is being written to: what is written because of that comes behind.
    @Test(arguments: QoS.allCases) func whatIsWrittenMeanwhileComesLater(_ qos: QoS) throws {
        let bench = Bench()
        let reader = try bench.client("reader")
        reader.subscribe(.init("t", qos: qos))
        let writer = try bench.client("writer")
        reader.isWritable = false
        bench.hub.setWritable(false, reader.connection)
        for number in 0..<100 {
            writer.publish("t", "\(number) " + String(repeating: "x", count: 100_000), qos, id: UInt16(number + 1))
        }
        reader.isFickle = true
        reader.isWritable = true
        bench.hub.setWritable(true, reader.connection)
        let numbers = reader.texts().compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(numbers == (0..<100).map(String.init))
        #expect(bench.hub.statistics.queued == 0)
    }

    /// Whoever asks on and on and reads no answer is cut off before that takes much room.
    @Test func answersThatNobodyReadsAreBounded() throws {
        let bench = Bench()
        let peer = try bench.client("a")
        peer.isWritable = false
        bench.hub.setWritable(false, peer.connection)
        let pings = [[UInt8]](repeating: [0xC0, 0], count: 1_000).flatMap { $0 }
        for _ in 0..<600 where bench.hub.statistics.clients == 1 { peer.send(pings) }
        #expect(bench.hub.statistics.clients == 0)
        #expect(!peer.isOpen)
    }

    /// Answers that wait for the store are taken piece by piece, while others come.
    @Test func answersThatAreTakenAreNotCounted() {
        let channel = EmbeddedChannel()
        // An open one holds itself.
        defer { _ = try? channel.finish() }
        let connection = ClientConnection(channel, from: nil, listener: "mqtt")
        let answers = ByteBuffer(repeating: 0, count: 100_000)
        for group in 1...40 as ClosedRange<UInt64> {
            #expect(!connection.append(answers, after: group, isAnswer: true).isOverrun)
            #expect(connection.take(upTo: group - 1).pieces.count == (group == 1 ? 0 : 1))
        }
    }

    /// That more waits than should is told once, and the room again by whatever takes it next, however soon.
    @Test func roomIsToldOfAtOnce() {
        let channel = EmbeddedChannel()
        // An open one holds itself.
        defer { _ = try? channel.finish() }
        let connection = ClientConnection(channel, from: nil, listener: "mqtt")
        #expect(connection.append(ByteBuffer(repeating: 0, count: 300 << 10), after: 0).isFull)
        #expect(connection.take(upTo: 0).makesRoom)
        #expect(!connection.append(ByteBuffer(repeating: 0, count: 10), after: 0).isFull)
        #expect(!connection.take(upTo: 0).makesRoom)
        // What waits for the store leaves no room yet.
        #expect(connection.append(ByteBuffer(repeating: 0, count: 300 << 10), after: 1).isFull)
        #expect(!connection.take(upTo: 0).makesRoom)
        #expect(connection.take(upTo: 1).makesRoom)
    }

    /// So many small messages in one read.
    private static func messages(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { Encoder(.v5).bytes(of: .publish(Publish(topic: "t", payload: Array("\($0)".utf8)))) }
    }

    /// Whoever says much at once has a turn like any other: the others need not wait for all of it.
    @Test func whoeverSaysMuchLeavesOthersTheirTurn() throws {
        let bench = Bench()
        let reader = try bench.client("reader")
        reader.subscribe(.init("t"))
        let (loud, other) = (try bench.client("loud"), try bench.client("other"))
        loud.send(Self.messages(1_000), goesOn: false)
        other.publish("t", "other")
        loud.goOn()
        var texts = reader.texts()
        let place = try #require(texts.firstIndex(of: "other"))
        #expect(place > 0 && place < 1_000)
        texts.remove(at: place)
        #expect(texts == (0..<1_000).map(String.init))
    }

    /// All that a client has sent is heard before its place is taken, and when it goes.
    @Test(arguments: [false, true]) func whatHasComeIsHeardToTheEnd(_ isTaken: Bool) throws {
        let bench = Bench()
        let reader = try bench.client("reader")
        reader.subscribe(.init("t"))
        let heir = try bench.open()
        let loud = try bench.client("loud")
        loud.send(Self.messages(1_000), goesOn: false)
        if isTaken {
            heir.say(.connect(Connect(version: .v5, clientID: "loud")))
            #expect(heir.take().connack?.reason == .success)
        } else {
            loud.leave()
        }
        #expect(reader.texts() == (0..<1_000).map(String.init))
    }
}
