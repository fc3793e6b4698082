import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// What is published while there is no link.
@Suite(.timeLimit(.minutes(5))) struct OfflineTests {
    @Test func whatExpiresWithoutALinkIsNotSentWhenThereIsOne() async throws {
        let clock = TestClock()
        let options = ConnectionOptions(whileOffline: .buffer(limit: 10), clock: clock)
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port, options) { connection in
                let news = try await connection.subscribe(to: "news")
                try await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                // It stays so: the clock stands still.
                try await until { connection.state == .disconnected }
                for (text, expiry) in [("old", .seconds(1)), ("lasting", nil), ("young", .seconds(3_600))]
                    as [(String, Duration?)]
                {
                    try await connection.publish(Message(text), to: "news", options: PublishOptions(expiry: expiry))
                }
                clock.advance(by: .seconds(5))
                try await until {
                    // Until the next attempt, and not as far as the time that connecting may take.
                    clock.advance(by: .milliseconds(5))
                    return connection.state == .connected
                }
                #expect(try await news.next()?.message.text == "lasting")
                #expect(try await news.next()?.message.text == "young")
                #expect(connection.statistics.droppedOffline == 1)
            }
        }
    }
}
