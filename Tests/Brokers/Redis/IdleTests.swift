import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// No socket that waits is idle to a server that ends those which are (`timeout`).
@Suite(.timeLimit(.minutes(5))) struct IdleTests {
    @Test(arguments: [false, true]) func aJobThatTakesLongIsDoneOnce(_ mayAsk: Bool) async throws {
        var options = IntegrationSupport.RedisOptions()
        options.extraLines = ["timeout \(mayAsk ? 2 : 5)"]
        options.users = ["plain on >secret ~* &* +@all -config"]
        try await RedisServer.withServer(options) { server in
            try await withRedis(on: server.port) { options in
                // The signs of life are rarer than the server's patience.
                options.lease = .seconds(60)
                if !mayAsk { (options.username, options.password) = ("plain", "secret") }
            } _: { connection in
                let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 1))
                // Its socket is left with nothing subscribed to.
                _ = try await connection.subscribe(to: "news")
                for number in 0..<2 { try await connection.send(Message("\(number)"), to: "jobs") }
                for number in 0..<2 {
                    let job = try #require(try await jobs.next())
                    #expect(job.message.text == "\(number)")
                    #expect(job.redeliveries == 0)
                    try await Task.sleep(for: .seconds(mayAsk ? 5 : 8))
                    try job.ack()
                }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// A server that answers late is asked more than once whether it is there: none of its answers is taken for a message, and
    /// nothing is taken beyond what the consumer may hold.
    @Test func lateAnswersAreNoMessages() async throws {
        try await RedisServer.withServer { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                try await withRedis(on: proxy.port) {
                    $0.keepAlive = .milliseconds(50)
                } _: { connection in
                    let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 1))
                    try await connection.send(Message("first"), to: "jobs")
                    let first = try #require(try await jobs.next())
                    proxy.set(.stall, .toClient)
                    // One of them may be by the socket for commands.
                    let before = try await pings(at: server)
                    try await until { try await pings(at: server) > before + 4 }
                    proxy.set(.forward, .toClient)
                    // All of its answers come, and it is asked again.
                    let next = try await pings(at: server)
                    try await until { try await pings(at: server) > next + 4 }
                    for number in 0..<4 { try await connection.send(Message("\(number)"), to: "jobs") }
                    #expect(try await server.command("LLEN", "jobs") == "4")
                    try first.ack()
                    for number in 0..<4 {
                        let job = try #require(try await jobs.next())
                        #expect(job.message.text == "\(number)")
                        try job.ack()
                    }
                    #expect(connection.statistics.linkFailures == 0)
                }
            }
        }
    }

    private func pings(at server: RedisServer) async throws -> Int {
        let lines = try await server.command("INFO", "commandstats").split(whereSeparator: \.isNewline)
        let calls = lines.first { $0.hasPrefix("cmdstat_ping:calls=") }?.split(separator: "=").dropFirst().first
        return calls?.split(separator: ",").first.flatMap { Int($0) } ?? 0
    }

    @Test func theNodesOfAClusterAreAsked() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.extraLines = ["timeout 2"]
        try await RedisCluster.withCluster(options) { cluster in
            try await withRedis(on: cluster.nodes[0].port) {
                $0.lease = .seconds(60)
            } _: { connection in
                for number in 0..<20 { try await connection.send(Message("x"), to: QueueName("queue.\(number)")) }
                let jobs = try await connection.consume(from: "queue.7", options: ConsumeOptions(prefetch: 1))
                let job = try #require(try await jobs.next())
                try await Task.sleep(for: .seconds(6))
                try job.ack()
                for number in 0..<20 { try await connection.send(Message("x"), to: QueueName("queue.\(number)")) }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }
}
