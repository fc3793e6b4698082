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
            await session.countBacklog(bytes: 33 << 20)
            #expect(await session.isDeaf)
            session.gate.letGo()
            #expect(await !session.isDeaf)
            try await until { await session.backlogBytes == 0 }
            session.gate.hold()
            #expect(await !session.isDeaf)
            await session.countBacklog(bytes: 1)
            #expect(await session.backlogMessages == 1)
            session.gate.letGo()
        }
    }
}

extension AMQPSession {
    fileprivate var countedAfterAsking: Int {
        backlogMessages = 5
        _ = isDeaf
        return backlogMessages
    }
}
