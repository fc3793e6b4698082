import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

/// What a connection to a cluster does when a node goes, or when the cluster calls its nodes by names.
@Suite(.timeLimit(.minutes(10))) struct NodeFaultTests {
    /// Where nothing is at home beyond a node that is away, all goes on.
    @Test func aNodeThatIsAwayTakesNothingElseWithIt() async throws {
        try await withCluster(["cluster-require-full-coverage no"]) { cluster in
            // The one that has the wills, so that they are away as well.
            let dead = try #require(await cluster.owner(of: "{martlet.wills}"))
            let left = cluster.nodes.filter { $0 !== dead }
            let (away, here) = (try await cluster.queue(at: dead), try await cluster.queue(at: left[1]))
            let will = ConnectionOptions(will: Will(topic: "will", message: Message("x"), retain: false))
            let connection = try await redis(on: left[0].port, will) { soon(&$0) }
            let other = try await redis(on: left[0].port) { soon(&$0) }
            let news = try await connection.subscribe(to: "news.#")
            let jobs = try await connection.consume(from: here)
            let lostJobs = try await connection.consume(from: away)
            for queue in [here, away] { try await other.send(Message("before"), to: queue) }
            for jobs in [jobs, lostJobs] { try #require(try await jobs.next()).ack() }
            dead.kill()
            // The node refuses it for a while once it is back.
            async let late: Void = retrying { try await other.send(Message("late"), to: away) }
            // As long as several signs of life.
            let end = ContinuousClock.now + .seconds(3)
            var number = 0
            while ContinuousClock.now < end {
                number += 1
                try await other.publish(Message("\(number)"), to: "news.now")
                #expect(try await news.next()?.message.text == "\(number)")
                try await other.send(Message("\(number)"), to: here)
                let job = try #require(try await jobs.next())
                #expect(job.message.text == "\(number)")
                #expect(job.redeliveries == 0)
                try job.ack()
                try await Task.sleep(for: .milliseconds(20))
            }
            let code = await errorCode { try await other.command("GET", RedisArgument(away.text)) }
            #expect(code == .notConnected)
            // Who comes only now comes as well.
            try await redis(on: left[0].port, will) { soon(&$0) }.close()
            try await dead.start()
            try await late
            let job = try #require(try await lostJobs.next())
            #expect(job.message.text == "late")
            try job.ack()
            #expect(connection.statistics.linkFailures == 0)
            #expect(other.statistics.linkFailures == 0)
            await connection.close()
            await other.close()
        }
    }

    /// A consumer's socket that the node takes for open gets no more messages.
    ///
    /// - Parameter loses: whether the connection loses its link with the node.
    @Test(arguments: [false, true]) func whatLostSocketsToANodeWouldTakeArrives(_ loses: Bool) async throws {
        try await withCluster([]) { cluster in
            let (first, node) = (cluster.nodes[0], cluster.nodes[2])
            let name = try await cluster.queue(at: node)
            try await TCPProxy.withProxy(to: node.port) { proxy in
                try await call(node, "port", "\(proxy.port)", ":\(proxy.port)@", of: cluster)
                let connection = try await redis(on: first.port) { options in
                    soon(&options)
                    options.keepAlive = .milliseconds(300)
                    options.responseTimeout = .seconds(1)
                }
                let jobs = try await connection.consume(from: name, options: ConsumeOptions(prefetch: 4))
                try await withRedis(on: node.port) { sender in
                    try await sender.send(Message("before"), to: name)
                    try #require(try await jobs.next()).ack()
                    let before = try await waitingClients(of: node)
                    // Nobody learns that the sockets are lost but the connection.
                    proxy.set(.swallow)
                    if loses { try await first.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
                    try await call(node, "port", "\(node.port)", ":\(node.port)@", of: cluster)
                    try await until { try await !waitingClients(of: node).isSubset(of: before) }
                    var expected: Set<String> = []
                    for number in 0..<12 {
                        try await sender.send(Message("\(number)"), to: name)
                        expected.insert("\(number)")
                    }
                    while !expected.isEmpty {
                        let job = try #require(try await jobs.next())
                        expected.remove(job.message.text ?? "")
                        try job.ack()
                    }
                }
                #expect(connection.statistics.linkFailures == (loses ? 1 : 0))
                await connection.close()
            }
        }
    }

    @Test func nodesMayBeCalledByNames() async throws {
        try await withCluster([]) { cluster in
            for node in cluster.nodes {
                try await node.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
                try await call(node, "hostname", "localhost", ",localhost", of: cluster)
            }
            let moved = try await redis(on: cluster.nodes[0].port)
            for node in cluster.nodes {
                let name = try await cluster.queue(at: node)
                let jobs = try await moved.consume(from: name)
                try await moved.send(Message("x"), to: name)
                let job = try #require(try await jobs.next())
                try job.ack()
                jobs.finish()
            }
            #expect(moved.statistics.redirections >= 2)
            #expect(moved.statistics.linkFailures == 0)
            await moved.close()
        }
    }

    /// As many servers are called that copy each other, such as KeyDB's: all of them take writes.
    @Test func onlyAReplicaIsTakenForOne() async throws {
        let will = ConnectionOptions(will: Will(topic: "will", message: Message("x"), retain: false))
        for (role, expected) in [("active-replica", nil), ("master", nil), ("replica", .refused), ("slave", .refused)]
            as [(String, MessagingError.Code?)]
        {
            try await FakeRedis.withTwo { words, _, _ in
                words.first == "HELLO" ? "*2\r\n$4\r\nrole\r\n$\(role.utf8.count)\r\n\(role)\r\n" : nil
            } _: { server, _ in
                let code = await errorCode { try await withRedis(on: server.port, will) { _ in } }
                #expect(code == expected, "\(role)")
            }
        }
    }

    // MARK: The cluster

    private func soon(_ options: inout MartletRedis.RedisOptions) {
        options.lease = .milliseconds(900)
        options.connectTimeout = .seconds(5)
    }

    private func withCluster(_ lines: [String], _ body: (RedisCluster) async throws -> Void) async throws {
        var options = IntegrationSupport.RedisOptions()
        options.extraLines = lines
        try await RedisCluster.withCluster(options, body)
    }

    /// The numbers of the clients that wait for messages at a node.
    private func waitingClients(of node: RedisServer) async throws -> Set<Substring> {
        let lines = try await node.command("CLIENT", "LIST").split(separator: "\n")
        return Set(lines.filter { $0.contains("cmd=blmove") }.compactMap { $0.split(separator: " ").first })
    }

    /// Has the nodes of a cluster call one of them otherwise, and waits until they do.
    private func call(
        _ node: RedisServer,
        _ option: String,
        _ value: String,
        _ mark: String,
        of cluster: RedisCluster
    ) async throws {
        try await node.command("CONFIG", "SET", "cluster-announce-\(option)", value)
        let id = try await node.command("CLUSTER", "MYID")
        for other in cluster.nodes {
            try await until {
                try await other.command("CLUSTER", "NODES").split(separator: "\n")
                    .contains { $0.hasPrefix(id) && $0.contains(mark) }
            }
        }
    }
}
