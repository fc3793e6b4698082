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
