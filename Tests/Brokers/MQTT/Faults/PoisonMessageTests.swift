import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// A message that the broker answers by ending the link fails, and those behind it go on.
@Suite(.timeLimit(.minutes(10))) struct PoisonMessageTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)
    private static let large = Message([UInt8](repeating: 7, count: 5_000))

    private func options(_ port: Int, _ version: MQTTVersion, _ session: MQTTSessionState) -> MQTTOptions {
        .local(port, version, name: "poison-\(version.rawValue)-\(session == .clean)") { $0.session = session }
    }

    /// MQTT 3.1.1 has no word for it.
    @Test(arguments: [MQTTSessionState.clean, .persistent()])
    func aBrokerThatSaysNothing(_ session: MQTTSessionState) async throws {
        var settings = MosquittoOptions()
        settings.maximumPacketSize = 1_000
        try await MosquittoServer.withServer(settings) { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                try await MQTTConnection.withConnection(options(proxy.port, .v311, session)) { connection in
                    async let large = messagingError {
                        try await connection.publish(Self.large, to: "big", options: Self.promise)
                    }
                    try await until { proxy.counts.connections > 1 }
                    try await connection.publish(Message("small"), to: "small", options: Self.promise)
                    let error = await large
                    #expect(error?.code == .refused)
                    #expect(error?.message.contains("big") == true, "\(String(describing: error))")
                    #expect(proxy.counts.connections <= 7)
                }
            }
        }
    }

    @Test(
        arguments: [
            (UInt8(0x95), MessagingError.Code.bodyTooLarge), (0x87, .refused), (0x90, .refused), (0x99, .refused),
            (0x9A, .refused), (0x9B, .refused),
        ],
        [MQTTSessionState.clean, .persistent()]
    )
    func aBrokerThatSaysWhy(_ answer: (reason: UInt8, code: MessagingError.Code), _ session: MQTTSessionState)
        async throws
    {
        let links = Recorder<Void>()
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            links.record(())
            let isPresent: UInt8 = session != .clean && number > 0 ? 1 : 0
            try await peer.send(.init(head: 0x20, body: [isPresent, 0, 0]))
            while true {
                let packet = try await peer.receive()
                guard packet.kind == 3 else { continue }
                if packet.body.count > 1_000 {
                    try await peer.send(.init(head: 0xe0, body: [answer.reason, 0]))
                    return peer.socket.endWriting()
                }
                try await peer.send(.init(head: 0x40, body: RawPeer.number(Int(packet.number))))
            }
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, .v5, session)) { connection in
                async let large = messagingError {
                    try await connection.publish(Self.large, to: "big", options: Self.promise)
                }
                try await connection.publish(Message("small"), to: "small", options: Self.promise)
                let error = await large
                #expect(error?.code == answer.code)
                #expect(error?.message.contains("reason \(answer.reason)") == true, "\(String(describing: error))")
                #expect(links.values.count <= 5)
            }
        }
    }
}
