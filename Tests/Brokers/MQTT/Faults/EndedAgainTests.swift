import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// A broker that accepts each link and ends it again.
@Suite(.timeLimit(.minutes(10))) struct EndedAgainTests {
    /// DISCONNECT: Session taken over (MQTT 5, 3.14.2.1).
    private static let takenOver = RawPeer.Packet(head: 0xe0, body: [0x8e, 0])

    @Test func itIsTriedAtGrowingIntervalsAndTheReasonIsTold() async throws {
        let log = LogRecorder()
        let start = ContinuousClock.now
        try await withBroker {
            $0.connection.logger = log.logger
            $0.reconnect = Backoff(initial: .milliseconds(20), maximum: .seconds(10), jitter: 0)
        } _: { connection, links in
            let times = try await links.wait(for: 7)
            // 20 ms, 40 ms, and so on up to 640 ms.
            #expect(times[6] - start >= .milliseconds(1_260), "\(times.map { $0 - start })")
            #expect(connection.statistics.linkFailures >= 6)
            let reason = connection.statistics.lastLinkFailure ?? ""
            #expect(reason.contains("Session taken over") && reason.contains("142"), "\(reason)")
            let warnings = log.lines.filter { $0.contains("there is no link") }
            #expect(warnings.count == 1, "\(warnings)")
            #expect(warnings.first?.contains("Session taken over") == true, "\(warnings)")
        }
    }

    @Test func aLinkThatHasHeldIsSoonBack() async throws {
        try await withBroker {
            $0.connection.steadyAfter = .zero
            $0.reconnect = Backoff(initial: .milliseconds(20), maximum: .seconds(100), multiplier: 100, jitter: 0)
        } _: { _, links in
            // The second delay would be 2 s, the third 100 s.
            _ = try await links.wait(for: 10)
        }
    }

    /// Runs `body` with a connection, each of whose links is ended when it has told of it, and the times of the links.
    private func withBroker(
        _ configure: (inout MQTTOptions) -> Void,
        _ body: (MQTTConnection, Recorder<ContinuousClock.Instant>) async throws -> Void
    ) async throws {
        let links = Recorder<ContinuousClock.Instant>()
        let told = Recorder<Void>()
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(.v5)
            links.record(.now)
            try await told.wait(for: number + 1)
            try await peer.send(Self.takenOver)
            peer.socket.endWriting()
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, .v5, configure)) { connection in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for await state in connection.states() where state == .connected { told.signal() } }
                    try await body(connection, links)
                    group.cancelAll()
                }
            }
        }
    }

    @Test func aCallThatWaitsIsToldTheBrokersReason() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            while true {
                let packet = try await peer.receive()
                switch packet.kind {
                case 8: try await peer.grant(packet, .v5)
                case 3:
                    try await peer.send(Self.takenOver)
                    peer.socket.endWriting()
                    _ = try await peer.socket.receiveEnd()
                default: break
                }
            }
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let error = await messagingError {
                    _ = try await connection.call("service", Message("x"), timeout: .seconds(30))
                }
                #expect(error?.code == .connectionLost)
                #expect(error?.message.contains("Session taken over") == true, "\(String(describing: error))")
                #expect(error?.message.contains("142") == true, "\(String(describing: error))")
            }
        }
    }
}
