import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// Nodes of a cluster that name each other get no storm of links.
@Suite(.timeLimit(.minutes(5))) struct RedirectionTests {
    @Test func aConsumerThatIsSentToAndFroIsPatient() async throws {
        try await FakeRedis.withTwo { words, _, other in
            words.first == "BLMOVE" ? "-MOVED 7 127.0.0.1:\(other)\r\n" : nil
        } _: { one, other in
            try await withRedis(on: one.port) { connection in
                let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 1))
                // As many as are followed at once, and then one a while later.
                try await until { connection.statistics.redirections > 6 }
                try await Task.sleep(for: .seconds(1))
                jobs.finish()
                #expect(one.connections + other.connections < 40)
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    @Test func aReaderOfRepliesThatIsSentToAndFroIsPatient() async throws {
        try await FakeRedis.withTwo { words, _, other in
            switch words.first {
            case "BLPOP": "-MOVED 7 127.0.0.1:\(other)\r\n"
            case "SUBSCRIBE": "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"
            default: nil
            }
        } _: { one, other in
            try await withRedis(on: one.port) { connection in
                let address = try await connection.openReplyAddress { _, _ in }
                _ = address.address(for: "call")
                try await until { connection.statistics.redirections > 6 }
                try await Task.sleep(for: .seconds(1))
                #expect(one.connections + other.connections < 40)
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    @Test func aCommandThatIsSentToAndFroFails() async throws {
        try await FakeRedis.withTwo { words, _, other in
            words.first == "GET" ? "-MOVED 7 127.0.0.1:\(other)\r\n" : nil
        } _: { one, other in
            try await withRedis(on: one.port) { connection in
                let code = await errorCode { try await connection.command("GET", "key") }
                #expect(code == .refused)
                #expect(one.connections + other.connections < 10)
            }
        }
    }
}
