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

    private func withSlowServer(_ body: (FakeRedis, RedisConnection) async throws -> Void) async throws {
        try await FakeRedis.withTwo { words, _, _ in
            words.first == "RPUSH" || words.first == "SET" ? ":1\r\n" : nil
        } _: { server, _ in
            // The value takes eleven seconds.
            server.read(20_000, every: .milliseconds(50))
            let connection = try await redis(on: server.port) { $0.responseTimeout = .seconds(4) }
            try await body(server, connection)
            await connection.close()
        }
    }
}
