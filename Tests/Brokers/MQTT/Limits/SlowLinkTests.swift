import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// A link over which a message takes longer than a broker may be silent.
@Suite(.timeLimit(.minutes(10))) struct SlowLinkTests {
    @Test func aLargeMessageOnASlowLinkIsNotCutOff() async throws {
        let body = [UInt8](repeating: 1, count: 6 << 20)
        try await FakeBroker.withBroker { peer, _ in
            readLittleAhead(peer)
            try await peer.acceptClient(.v5)
            // A head with a length of four bytes, the topic `t`, and the number.
            let start = try await peer.socket.receive(10)
            // The properties, and the body.
            var left = 1 + body.count
            while left > 0 {
                left -= try await peer.socket.receive(min(left, 50_000)).count
                try await Task.sleep(for: .milliseconds(100))
            }
            try await peer.send(.init(head: 0x40, body: Array(start[8...])))
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port) { $0.keepAlive = .seconds(5) }) { connection in
                try await connection.publish(
                    Message(body),
                    to: "t",
                    options: PublishOptions(guarantee: .atLeastOnce)
                )
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// The broker can't answer what it has not got.
    @Test func aQuestionBehindALargeMessageIsWaitedFor() async throws {
        try await withSlowBroker { connection in
            let subscription = try await connection.subscribe(to: "a.b")
            withExtendedLifetime(subscription) {}
            #expect(connection.statistics.linkFailures == 0)
        }
    }

    @Test func aBrokerThatStopsInTheMiddleOfAMessageIsNotWaitedFor() async throws {
        try await withSlowBroker(stopsAfter: 1 << 20) { connection in
            #expect(await errorCode { _ = try await connection.subscribe(to: "a.b") } == .timeout)
        }
    }

    /// Runs `body` with a connection on which a message is being sent that takes nine seconds, twice what an answer may.
    ///
    /// - Parameter bytes: after how many of the message's bytes the broker reads no more.
    private func withSlowBroker(
        stopsAfter bytes: Int = .max,
        _ body: (MQTTConnection) async throws -> Void
    ) async throws {
        let payload = [UInt8](repeating: 1, count: 9 << 20)
        try await FakeBroker.withBroker { peer, _ in
            readLittleAhead(peer)
            try await peer.acceptClient(.v5)
            // A head with a length of four bytes, the topic `t`, no properties, and the body.
            let count = 5 + 3 + 1 + payload.count
            var left = count
            while left > 0 {
                left -= try await peer.socket.receive(min(left, 100_000)).count
                try await Task.sleep(for: count - left < bytes ? .milliseconds(100) : .seconds(600))
            }
            try await peer.behave(.v5)
        } _: { broker in
            let options = MQTTOptions.local(broker.port) { $0.connectTimeout = .seconds(4) }
            try await MQTTConnection.withConnection(options) { connection in
                try await connection.publish(Message(payload), to: "t")
                try await until { await connection.session.arrivedBytes > 100_000 }
                try await body(connection)
            }
        }
    }
}

/// Leaves what comes for a peer with its sender, but for a little, until the peer reads.
private func readLittleAhead(_ peer: RawPeer) {
    var size: CInt = 65_536
    setsockopt(peer.socket.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
}
