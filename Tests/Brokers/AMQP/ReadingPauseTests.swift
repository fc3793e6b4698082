import IntegrationSupport
import MartletTransport
import Testing

@testable import MartletAMQP

/// The socket is not read while readers are far behind what no prefetch holds back.
@Suite(.timeLimit(.minutes(10))) struct ReadingPauseTests {
    @Test func toAskWhetherTheSocketIsReadChangesNothing() async throws {
        let server = try await RabbitMQServer.shared()
        try await withAMQP(port: server.port) { broker in
            #expect(await broker.session.countedAfterAsking == 5)
        }
    }

    @Test func itIsCountedAnewOnceNoReaderIsBehind() async throws {
        let server = try await RabbitMQServer.shared()
        try await withAMQP(port: server.port) { broker in
            let session = broker.session
            session.gate.hold()
            await session.count(33 << 20)
            #expect(await session.isDeaf)
            session.gate.letGo()
            #expect(await !session.isDeaf)
            try await until { await session.countedBytes == 0 }
            session.gate.hold()
            #expect(await !session.isDeaf)
            await session.count(1)
            #expect(await session.countedMessages == 1)
            session.gate.letGo()
        }
    }
}

extension AMQPSession {
    fileprivate var countedAfterAsking: Int {
        gate.hold()
        for _ in 0..<5 { count(0) }
        _ = isDeaf
        gate.letGo()
        return consuming.backlogMessages
    }

    fileprivate var countedMessages: Int { consuming.backlogMessages }
    fileprivate var countedBytes: Int { consuming.backlogBytes }

    fileprivate func count(_ bytes: Int) { consuming.countBacklog(bytes: bytes, self) }
}
