import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

/// A link over which a value takes longer than a server may be silent.
@Suite(.timeLimit(.minutes(5))) struct SlowLinkTests {
    private static let body = [UInt8](repeating: 65, count: 9 << 19)

    @Test func aServerThatIsStillGettingAValueIsNotTakenForDead() async throws {
        try await withSlowServer { server, connection in
            try await connection.send(Message(Self.body), to: "q")
            #expect(connection.statistics.linkFailures == 0)
        }
    }

    @Test func aServerThatStopsInTheMiddleOfAValueIsFoundOut() async throws {
        try await withSlowServer { server, connection in
            async let code = errorCode { try await connection.command("SET", "key", RedisArgument(Self.body)) }
            try await until { server.bytesRead > 200_000 }
            server.read(0, every: .milliseconds(50))
            #expect(await code == .connectionLost)
        }
    }

    /// Signs of life do not wait behind a value of the connection's own: others would get what its consumers hold, and its will
    /// would be published.
    @Test func aConsumerAndAWillLiveWhileAValueIsOnItsWay() async throws {
        let lease = Duration.seconds(3)
        let signs = Recorder<(key: String, time: ContinuousClock.Instant)>()
        try await withSlowServer {
            $0.lease = lease
            $0.connection.will = Will(topic: "gone", message: Message("x"), retain: false)
        } answer: { words in
            if words.first == "EVAL", words.count > 3 { signs.record((words[3], .now)) }
            return words.first == "BLMOVE" ? "" : nil
        } _: { _, connection in
            let jobs = try await connection.consume(from: "jobs")
            let start = ContinuousClock.now
            try await connection.send(Message(Self.body), to: "q")
            let end = ContinuousClock.now
            #expect(end - start > lease * 2, "it took long enough")
            for key in ["{jobs}.consumers", "{martlet.wills}"] {
                let shown = signs.values.filter { $0.key == key && $0.time > start && $0.time < end }
                #expect(shown.count > 1, "\(key)")
            }
            #expect(connection.statistics.linkFailures == 0)
            withExtendedLifetime(jobs) {}
        }
    }

    private func withSlowServer(
        _ configure: (inout MartletRedis.RedisOptions) -> Void = { _ in },
        answer: @escaping @Sendable ([String]) -> String? = { _ in nil },
        _ body: (FakeRedis, RedisConnection) async throws -> Void
    ) async throws {
        try await FakeRedis.withTwo { words, _, _ in
            words.first == "RPUSH" || words.first == "SET" ? ":1\r\n" : answer(words)
        } _: { server, _ in
            // The value takes eleven seconds.
            server.read(20_000, every: .milliseconds(50))
            let connection = try await redis(on: server.port) { options in
                options.responseTimeout = .seconds(4)
                configure(&options)
            }
            try await body(server, connection)
            await connection.close()
        }
    }
}
