import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// What a lost link leaves half done is finished on the next, or begun anew, and no error.
@Suite(.timeLimit(.minutes(10))) struct RecoveryTests {
    private static let once = PublishOptions(guarantee: .exactlyOnce)

    private func options(_ port: Int, _ version: MQTTVersion = .v5) -> MQTTOptions {
        .local(port, version, name: "recovery") { $0.session = .persistent() }
    }

    private static func welcome(_ version: MQTTVersion, sessionPresent: Bool) -> RawPeer.Packet {
        .init(head: 0x20, body: [sessionPresent ? 1 : 0, 0] + (version == .v5 ? [0] : []))
    }

    /// Of what it has finished the broker knows nothing any more (MQTT 5, 3.7.2.1).
    @Test func aPacketIdentifierThatIsNotFoundInRecoveryIsSuccess() async throws {
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.send(Self.welcome(.v5, sessionPresent: number > 0))
            if number == 0 {
                let publish = try await peer.receive(kind: 3)
                try await peer.send(.init(head: 0x50, body: RawPeer.number(Int(publish.number))))
                _ = try await peer.receive(kind: 6)
            } else {
                let release = try await peer.receive(kind: 6)
                try await peer.send(.init(head: 0x70, body: release.body[..<2] + [0x92, 0]))
                _ = try await peer.socket.receiveEnd()
            }
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port)) {
                try await $0.publish(Message("x"), to: "t", options: Self.once)
            }
        }
    }

    /// That the number of a repeated message is in use means that the broker has it (MQTT 5, 4.3.3).
    @Test func aPacketIdentifierThatIsInUseInRecoveryIsReleased() async throws {
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(.v5, isKept: number > 0)
            let publish = try await peer.receive(kind: 3)
            guard number > 0 else { return }
            #expect(publish.head == 0x3c)
            try await peer.send(.init(head: 0x50, body: RawPeer.number(Int(publish.number)) + [0x91]))
            let release = try await peer.receive(kind: 6)
            #expect(release.body == RawPeer.number(Int(publish.number)))
            try await peer.send(.init(head: 0x70, body: release.body))
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port)) {
                try await $0.publish(Message("x"), to: "t", options: Self.once)
            }
        }
    }

    /// The broker may have it, and would take the next message of that number for it.
    @Test func ofAMessageThatHasExpiredInRecoveryTheNumberIsReleased() async throws {
        let packets = Recorder<RawPeer.Packet>()
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            if number > 0 { try await Task.sleep(for: .milliseconds(700)) }
            try await peer.send(Self.welcome(.v5, sessionPresent: number > 0))
            let next = try await peer.receive()
            packets.record(next)
            guard number > 0 else { return }
            try await peer.send(.init(head: 0x70, body: next.body + [0x92, 0]))
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port)) { connection in
                let error = await messagingError {
                    try await connection.publish(
                        Message("x"),
                        to: "t",
                        options: PublishOptions(guarantee: .exactlyOnce, expiry: .milliseconds(300))
                    )
                }
                #expect(error?.code == .timeout)
                try await until { packets.values.count == 2 }
                #expect(packets.values.map(\.kind) == [3, 6])
                #expect(packets.values[1].body == RawPeer.number(Int(packets.values[0].number)))
                try await until { await connection.session.unconfirmed == 0 }
            }
        }
    }

    /// The broker has lost the session: nothing of it is finished, and the message is sent anew (MQTT 5, 3.2.2-5).
    @Test(arguments: MQTTVersion.allCases) func ofASessionThatIsLostNothingIsFinished(_ version: MQTTVersion)
        async throws
    {
        let packets = Recorder<UInt8>()
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.send(Self.welcome(version, sessionPresent: false))
            if number == 0 {
                let first = try await peer.receive(kind: 3)
                _ = try await peer.receive(kind: 3)
                try await peer.send(.init(head: 0x50, body: RawPeer.number(Int(first.number))))
                _ = try await peer.receive(kind: 6)
            } else {
                while true {
                    let packet = try await peer.receive()
                    packets.record(packet.head)
                    switch packet.kind {
                    case 3: try await peer.send(.init(head: 0x50, body: RawPeer.number(Int(packet.number))))
                    case 6: try await peer.send(.init(head: 0x70, body: packet.body))
                    default: break
                    }
                }
            }
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, version)) { connection in
                async let first: Void = connection.publish(Message("x"), to: "t", options: Self.once)
                async let second: Void = connection.publish(Message("y"), to: "t", options: Self.once)
                _ = try await (first, second)
                #expect(packets.values.filter { $0 >> 4 == 3 } == [0x34, 0x34], "both anew, and not as repeated")
                #expect(packets.values.filter { $0 >> 4 == 6 }.count == 2)
                #expect(connection.statistics.linkFailures == 1)
            }
        }
    }

    /// Of a message that the broker had sent and not released, and does not know any more, the next one with its number is
    /// not mistaken.
    @Test(arguments: MQTTVersion.allCases) func aNumberOfALostSessionIsFreeAgain(_ version: MQTTVersion) async throws {
        let properties: [UInt8]? = version == .v5 ? [] : nil
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.send(Self.welcome(version, sessionPresent: false))
            let subscribe = try await peer.receive(kind: 8)
            try await peer.send(.init(head: 0x90, body: subscribe.body[..<2] + (version == .v5 ? [0, 2] : [2])))
            let text = number == 0 ? "lost" : "new"
            try await peer.send(.publish(text, quality: 2, number: 3, properties: properties))
            let received = try await peer.receive()
            guard received.kind == 5, number > 0 else { return }
            try await peer.send(.pubrel(3))
            _ = try await peer.receive(kind: 7)
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, version)) { connection in
                let subscription = try await connection.subscribe(
                    to: "t",
                    options: SubscribeOptions(guarantee: .exactlyOnce)
                )
                #expect(try await subscription.next()?.message.text == "new")
            }
        }
    }
}
