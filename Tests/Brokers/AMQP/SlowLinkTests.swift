import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A link over which a message takes longer than an answer may.
@Suite(.timeLimit(.minutes(5))) struct SlowLinkTests {
    /// The broker can't answer what it has not got.
    @Test func aQuestionBehindALargeMessageIsWaitedFor() async throws {
        try await withSlowBroker { connection in
            try await connection.declare(AMQPQueue("queue"))
            let subscription = try await connection.subscribe(to: "a.b")
            withExtendedLifetime(subscription) {}
            #expect(connection.statistics.linkFailures == 0)
        }
    }

    @Test func aBrokerThatStopsInTheMiddleOfAMessageIsNotWaitedFor() async throws {
        try await withSlowBroker(stopsAfter: 10) { connection in
            #expect(await errorCode { try await connection.declare(AMQPQueue("queue")) } == .timeout)
        }
    }

    /// A message's life is one, however slow the link is.
    @Test func aQuestionForAMessageEndsWithTheMessagesLife() async throws {
        try await withSlowBroker { connection in
            let options = SendOptions(guarantee: .atMostOnce, expiry: .seconds(1))
            #expect(await errorCode { try await connection.send(Message("x"), to: "q", options: options) } == .timeout)
            let backlog = await connection.session.holdings.backlog
            #expect(backlog > 0, "the message before it is still on its way")
        }
    }

    /// Runs `body` with a connection on which a message is being sent that takes nine seconds, twice what an answer may.
    ///
    /// - Parameter frames: after how many of the message's frames the broker reads no more.
    private func withSlowBroker(
        stopsAfter frames: Int = .max,
        _ body: (AMQPConnection) async throws -> Void
    ) async throws {
        try await FakeBroker.withBroker { peer, _ in
            var size: CInt = 65_536
            setsockopt(peer.socket.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
            var count = 0
            try await peer.behave { frame in
                guard frame.kind == 3 else { return }
                count += 1
                try await Task.sleep(for: count < frames ? .milliseconds(150) : .seconds(600))
            }
        } _: { broker in
            try await withAMQP(port: broker.port, { $0.connectTimeout = .seconds(4) }) { connection in
                try await connection.publish(Message([UInt8](repeating: 1, count: 7 << 20)), to: "large")
                try await until { await connection.session.holdings.backlog > 0 }
                try await body(connection)
            }
        }
    }
}
