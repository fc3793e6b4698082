import Foundation
import IntegrationSupport
import Martlet
import Testing

@testable import MartletMQTT

/// A link over which a message takes longer than a broker may be silent.
@Suite(.timeLimit(.minutes(10))) struct SlowLinkTests {
    @Test func aLargeMessageOnASlowLinkIsNotCutOff() async throws {
        let body = [UInt8](repeating: 1, count: 6 << 20)
        try await FakeBroker.withBroker { peer, _ in
            var size: CInt = 65_536
            setsockopt(
                peer.socket.descriptor,
                SOL_SOCKET,
                SO_RCVBUF,
                &size,
                socklen_t(MemoryLayout<CInt>.size)
            )
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
}
