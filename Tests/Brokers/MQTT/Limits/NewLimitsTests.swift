import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// What a broker takes, to the byte, and on each link anew.
@Suite(.timeLimit(.minutes(10))) struct NewLimitsTests {
    /// What waited for a link fails there as it would with one, and costs none.
    @Test(arguments: [false, true])
    func whatWaitedForALinkIsHeldAgainstWhatTheBrokerCanDoNow(_ isKept: Bool) async throws {
        let came = Shared(0)
        try await FakeBroker.withBroker { peer, number in
            // It keeps no messages, and has QoS 1 at most.
            let less: [UInt8] = [0x25, 0, 0x24, 1]
            try await peer.acceptClient(.v5, isKept: isKept && number > 0, properties: number > 0 ? less : [])
            if number == 0 {
                for _ in 0..<2 { _ = try await peer.receive(kind: 3) }
                return
            }
            while true {
                let packet = try await peer.receive()
                if packet.kind == 3 {
                    came.withLock { $0 += 1 }
                    return try await peer.send(.init(head: 0xe0, body: [0x9A]))
                }
                if packet.kind == 6 { try await peer.send(.init(head: 0x70, body: packet.body)) }
            }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, name: "limits") { if isKept { $0.session = .persistent() } }
            try await MQTTConnection.withConnection(options) { connection in
                async let retained = messagingError {
                    try await connection.publish(
                        Message("x"),
                        to: "t",
                        options: PublishOptions(guarantee: .atLeastOnce, retain: true)
                    )
                }
                async let once = messagingError {
                    try await connection.publish(
                        Message("x"),
                        to: "t",
                        options: PublishOptions(guarantee: .exactlyOnce)
                    )
                }
                #expect(await retained?.code == .unsupported)
                #expect(await once?.code == .unsupported)
                #expect(came.value == 0)
                try await until { connection.state == .connected }
                #expect(connection.statistics.linkFailures == 1)
            }
        }
    }

    @Test func aPacketMayBeAsLargeAsTheBrokerSays() async throws {
        let sizes = Shared<[Int]>([])
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5, properties: [0x27, 0, 0, 0, 200])
            while true {
                let publish = try await peer.receive(kind: 3)
                sizes.withLock { $0.append(publish.bytes.count) }
                try await peer.send(.init(head: 0x40, body: RawPeer.number(Int(publish.number))))
            }
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                func publish(_ count: Int) async throws {
                    try await connection.publish(
                        Message([UInt8](repeating: 120, count: count)),
                        to: "t",
                        options: PublishOptions(guarantee: .atLeastOnce)
                    )
                }
                // Head, topic, number and properties have nine bytes.
                try await publish(191)
                #expect(sizes.value == [200])
                #expect(await messagingError { try await publish(192) }?.code == .bodyTooLarge)
                #expect(await messagingError { try await publish(200) }?.code == .bodyTooLarge)
                #expect(connection.state == .connected)
            }
        }
    }
}
