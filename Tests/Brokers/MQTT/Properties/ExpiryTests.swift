import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// How long a message is of use counts from the call by which it is published.
@Suite(.timeLimit(.minutes(10))) struct ExpiryTests {
    /// The seconds that a PUBLISH of the topic `t` says are left; `nil` if it says nothing.
    private static func left(_ packet: RawPeer.Packet) -> Int? {
        let position = 2 + packet.topic.utf8.count + (packet.head & 6 > 0 ? 2 : 0)
        guard packet.body[position] > 0, packet.body[position + 1] == 2 else { return nil }
        return packet.body[(position + 2)..<(position + 6)].reduce(0) { $0 << 8 | Int($1) }
    }

    @Test func whatExpiresWhileThereIsNoLinkIsDroppedAndCounted() async throws {
        let sent = Recorder<RawPeer.Packet>()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            while true { sent.record(try await peer.receive(kind: 3)) }
        } _: { broker in
            try await TCPProxy.withProxy(to: broker.port) { proxy in
                try await proxy.refuseConnections()
                let options = MQTTOptions.local(proxy.port) {
                    $0.connection.whileOffline = .buffer(limit: 10)
                    $0.connection.whenUnreachable = .retry
                }
                try await MQTTConnection.withConnection(options) { connection in
                    func publish(_ text: String, _ expiry: Duration?) async throws {
                        try await connection.publish(Message(text), to: "t", options: PublishOptions(expiry: expiry))
                    }
                    try await publish("worthless", .seconds(1))
                    try await publish("fresh", .seconds(100))
                    try await publish("for ever", nil)
                    try await Task.sleep(for: .seconds(2))
                    try await proxy.acceptConnections()
                    let packets = try await sent.wait(for: 2)
                    #expect(packets.map { Self.left($0) != nil } == [true, false])
                    let left = try #require(Self.left(packets[0]))
                    #expect(left <= 98 && left > 10, "of 100 s, after 2 s: \(left)")
                    #expect(connection.statistics.droppedOffline == 1)
                }
            }
        }
    }

    /// The library sends it again as it was given to it.
    @Test(arguments: [Guarantee.atLeastOnce, .exactlyOnce])
    func whatIsSentAgainInAKeptSessionSaysWhatIsLeft(_ guarantee: Guarantee) async throws {
        let sent = Recorder<RawPeer.Packet>()
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.send(.init(head: 0x20, body: [number > 0 ? 1 : 0, 0, 0]))
            if number == 0 {
                for _ in 0..<2 { sent.record(try await peer.receive(kind: 3)) }
                try await Task.sleep(for: .milliseconds(2_600))
                return
            }
            while true {
                let packet = try await peer.receive()
                switch packet.kind {
                case 3:
                    sent.record(packet)
                    let kind: UInt8 = guarantee == .exactlyOnce ? 0x50 : 0x40
                    try await peer.send(.init(head: kind, body: RawPeer.number(Int(packet.number))))
                case 6: try await peer.send(.init(head: 0x70, body: packet.body))
                default: break
                }
            }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, name: "again") { $0.session = .persistent() }
            try await MQTTConnection.withConnection(options) { connection in
                async let worthless = errorCode {
                    try await connection.publish(
                        Message("worthless"),
                        to: "t",
                        options: PublishOptions(guarantee: guarantee, expiry: .seconds(1))
                    )
                }
                try await connection.publish(
                    Message("fresh"),
                    to: "t",
                    options: PublishOptions(guarantee: guarantee, expiry: .seconds(100))
                )
                #expect(await worthless == .timeout)
                let packets = sent.values
                #expect(packets.count == 3, "what has expired is not sent again")
                let again = try #require(packets.last)
                #expect(again.head & 8 > 0)
                let left = try #require(Self.left(again))
                #expect(left <= 98 && left > 10, "of 100 s, after 2.6 s: \(left)")
            }
        }
    }
}
