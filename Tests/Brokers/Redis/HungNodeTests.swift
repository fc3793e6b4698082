import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

/// What a connection to a cluster does when a node is there and does not answer.
@Suite(.timeLimit(.minutes(5))) struct HungNodeTests {
    /// The node that hangs has a queue, and the wills.
    @Test func whoConsumesElsewhereIsStillTakenForAlive() async throws {
        try await withCluster { cluster in
            let hung = try #require(await cluster.owner(of: "{martlet.wills}"))
            let others = cluster.nodes.filter { $0 !== hung }
            let (there, here) = (try await cluster.queue(at: hung), try await cluster.queue(at: others[1]))
            let will = ConnectionOptions(will: Will(topic: "will", message: Message("x"), retain: false))
            let connection = try await redis(on: others[0].port, will) {
                soon(&$0, responseTimeout: .seconds(30))
                $0.lease = .seconds(4)
            }
            let lost = try await connection.consume(from: there)
            let jobs = try await connection.consume(from: here)
            try await connection.send(Message("long"), to: here)
            let job = try #require(try await jobs.next())
            hung.pause()
            // Longer than two leases, after each of which the server forgets who gives no sign of life.
            let key = String(decoding: QueueKeys(here).consumers, as: UTF8.self)
            let end = ContinuousClock.now + .seconds(10)
            var known: [String] = []
            while ContinuousClock.now < end {
                known.append(try await others[1].command("EXISTS", key))
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(!known.contains("0"))
            try job.ack()
            hung.resume()
            try await retrying { try await connection.send(Message("back"), to: there) }
            try #require(try await lost.next()).ack()
            #expect(connection.statistics.refusedSettlements == 0)
            #expect(connection.statistics.linkFailures == 0)
            await connection.close()
        }
    }

    @Test func whoClosesGivesBackWhatIsElsewhere() async throws {
        try await withCluster { cluster in
            let willKeeper = try #require(await cluster.owner(of: "{martlet.wills}"))
            let first = try #require(cluster.nodes.first { $0 !== willKeeper })
            let hung = try #require(cluster.nodes.first { $0 !== willKeeper && $0 !== first })
            let (there, here) = (try await cluster.queue(at: hung), try await cluster.queue(at: willKeeper))
            let will = ConnectionOptions(will: Will(topic: "will", message: Message("x"), retain: false))
            let connection = try await redis(on: first.port, will) { $0.lease = .seconds(60) }
            let consumers = [try await connection.consume(from: there), try await connection.consume(from: here)]
            for queue in [there, here] { try await connection.send(Message("job"), to: queue) }
            var jobs: [Delivery] = []
            for consumer in consumers { jobs.append(try #require(try await consumer.next())) }
            hung.pause()
            // The server can't be told.
            try jobs[0].ack()
            await connection.close()
            #expect(try await willKeeper.command("LLEN", here.text) == "1")
            #expect(try await willKeeper.command("ZCARD", "{martlet.wills}") == "0")
            hung.resume()
        }
    }

    /// No command goes there that would not be answered; only reads that wait for what may never come.
    @Test func repliesAreAwaitedWhereTheListsAreByNow() async throws {
        try await withCluster(replicas: 1) { cluster in
            let first = cluster.nodes[0]
            let replies = Recorder<String>()
            while true {
                let connection = try await redis(on: first.port) { soon(&$0, responseTimeout: .seconds(1)) }
                let address = try await connection.openReplyAddress { reply, _ in replies.record(reply.text ?? "") }
                let base = try #require(connection.session.calls.base)
                let node = try #require(await cluster.owner(of: "{\(base)}"))
                guard node !== first else {
                    await connection.close()
                    continue
                }
                let list = address.address(for: "call")
                try await until { try await node.command("CLIENT", "LIST").contains("cmd=blpop") }
                let heir = try await cluster.replica(of: node)
                node.pause()
                try await until { (try? await heir.command("RPUSH", list, #"{"header":{},"data":"1"}"#)) != nil }
                let end = ContinuousClock.now + .seconds(20)
                try await until { !replies.values.isEmpty || ContinuousClock.now > end }
                #expect(replies.values.count == 1)
                #expect(connection.statistics.linkFailures == 0)
                await connection.close()
                node.resume()
                return
            }
        }
    }

    /// It ends all that waits at it.
    @Test func aNodeThatBecomesAReplicaTakesNothingElseWithIt() async throws {
        try await withCluster(replicas: 1) { cluster in
            let (first, node) = (cluster.nodes[0], cluster.nodes[2])
            let (queue, heir) = (try await cluster.queue(at: node), try await cluster.replica(of: node))
            let connection = try await redis(on: first.port) { soon(&$0, responseTimeout: .seconds(5)) }
            let jobs = try await connection.consume(from: queue)
            try await connection.send(Message("before"), to: queue)
            try #require(try await jobs.next()).ack()
            for (old, new) in [(node, heir), (heir, node)] {
                try await failOver(from: old, to: new)
                try await retrying { try await connection.send(Message("\(new.port)"), to: queue) }
                let job = try #require(try await jobs.next())
                #expect(job.message.text == "\(new.port)")
                try job.ack()
                // As soon as it copies the other one, they can change places.
                try await until {
                    try await old.command("INFO", "replication").contains("master_link_status:up")
                }
            }
            #expect(connection.statistics.linkFailures == 0)
            await connection.close()
        }
    }

    /// A node gives up a failover that takes longer than five seconds, and says so in its log alone.
    private func failOver(from old: RedisServer, to new: RedisServer) async throws {
        var askedAt: ContinuousClock.Instant?
        try await until {
            if askedAt.map({ .now - $0 > .seconds(6) }) ?? true {
                askedAt = .now
                // It refuses once it has taken over.
                _ = try? await new.command("CLUSTER", "FAILOVER")
            }
            return try await old.command("INFO", "replication").contains("role:slave")
        }
    }

    private func soon(_ options: inout MartletRedis.RedisOptions, responseTimeout: Duration) {
        options.lease = .milliseconds(900)
        options.connectTimeout = .seconds(5)
        options.responseTimeout = responseTimeout
    }

    private func withCluster(replicas: Int = 0, _ body: (RedisCluster) async throws -> Void) async throws {
        var options = IntegrationSupport.RedisOptions()
        options.extraLines = ["cluster-require-full-coverage no"]
        if replicas > 0 { options.extraLines.append("cluster-node-timeout 1000") }
        try await RedisCluster.withCluster(options, replicas: replicas, body)
    }
}
