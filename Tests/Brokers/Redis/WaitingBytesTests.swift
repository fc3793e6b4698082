import IntegrationSupport
import Martlet
import MartletRedis
import Testing

/// What waits for the reader of a queue is bounded in bytes; the rest waits at the server, and comes when there is room.
@Suite(.timeLimit(.minutes(5))) struct WaitingBytesTests {
    @Test func whatWasAskedForAheadWaitsAtTheServer() async throws {
        let (count, size) = (100, 200_000)
        try await RedisServer.withServer { server in
            let options = ConnectionOptions(maximumWaitingBytes: 1 << 20)
            try await withRedis(on: server.port, options) { connection in
                let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: count))
                for _ in 0..<count {
                    try await connection.send(Message([UInt8](repeating: 1, count: size)), to: "jobs")
                }
                // The server has moved all that was asked for.
                try await until { try await server.command("LLEN", "jobs") == "0" }
                try await until { jobs.waiting >= 6 }
                // Enough rounds of the loop for all of it.
                for _ in 0..<200 { try await connection.send(Message(), to: "others") }
                #expect(jobs.waiting <= 8, "\(jobs.waiting)")
                for _ in 0..<count { try await jobs.next()?.ack() }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }
}
