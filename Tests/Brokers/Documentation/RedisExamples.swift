import IntegrationSupport
import Martlet
import MartletRedis
import Testing

// The server's options have the same name.
import struct MartletRedis.RedisOptions

/// The programs of the Redis documentation.
@Suite(.timeLimit(.minutes(10))) struct RedisExamples {
    private struct Sonar: Codable, Sendable {
        var distance: Double
    }

    private let sonar = Topic<Sonar>("documentation.sonar.front")

    @Test func options() throws {
        var options = try RedisOptions(url: "redis://localhost")
        options.lease = .seconds(30)
        options.deadLetterSuffix = ".dlq"
        #expect(options.servers == [.tcp(host: "localhost", port: 6_379)])
    }

    /// Compiled, and not run: there may be no server at the usual place.
    private func overview() async throws {
        try await RedisConnection.withConnection(to: "redis://localhost") { broker in
            try await broker.publish(Sonar(distance: 2.5), to: sonar)
        }

        try await RedisConnection.withConnection(to: "redis://localhost") { redis in
            let visits: Int = try await redis.command("INCR", "visits")
            let name: String? = try await redis.command("GET", "name")
            let both = try await redis.transaction([RedisCommand("INCR", "a"), RedisCommand("INCR", "b")])
            print(visits, name ?? "nobody", both)
        }
    }
}
