import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

/// What one task sends to one queue comes to lie there in that order, whichever way it goes.
@Suite(.timeLimit(.minutes(5))) struct ClusterOrderTests {
    /// The first ones go to a node that does not keep the queue, and are sent on.
    @Test func aNodeThatIsNotYetKnownIsReachedInOrder() async throws {
        try await RedisCluster.withCluster { cluster in
            let node = cluster.nodes[2]
            for _ in 0..<3 {
                let queue = try await cluster.queue(at: node)
                try await withRedis(on: cluster.nodes[0].port) { connection in
                    let numbers = 0..<5_000
                    try await send(numbers, to: queue, by: connection)
                    #expect(try await content(of: queue, at: node) == Array(numbers))
                }
            }
        }
    }

    @Test func aQueueThatMovesKeepsItsOrder() async throws {
        try await RedisCluster.withCluster { cluster in
            let (old, new) = (cluster.nodes[1], cluster.nodes[2])
            let queue = try await cluster.queue(at: old)
            try await withRedis(on: cluster.nodes[0].port) { connection in
                try await connection.send(Message("0"), to: queue)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let last = Shared(0)
                    group.addTask {
                        while !Task.isCancelled {
                            let number = last.value
                            // Some are refused while the queue is between the two.
                            try? await send(number + 1..<number + 500, to: queue, by: connection)
                            last.value += 500
                        }
                    }
                    try await cluster.moveSlot(of: queue.text, to: new) {}
                    let after = last.value
                    try await until { last.value > after + 1_000 }
                    group.cancelAll()
                }
                let content = try await content(of: queue, at: new)
                #expect(content.count > 1)
                #expect(zip(content, content.dropFirst()).allSatisfy { $0 < $1 })
            }
        }
    }

    /// Those that were sent before come back one by one.
    @Test func whatIsKnownToHaveMovedWaitsForThoseBeforeIt() async throws {
        let (first, asked, arrived) = (Shared(0), Shared(0), Shared<[String]>([]))
        try await FakeRedis.withTwo { words, own, other in
            switch (words.first, own == first.value) {
            case ("RPUSH", true):
                asked.value += 1
                // The answer to the first of three.
                return asked.value < 3 ? "" : Self.moved(to: other)
            case ("PING", true): return Self.moved(to: other) + Self.moved(to: other) + "+PONG\r\n"
            case ("RPUSH", false):
                arrived.value.append(words[2])
                return ":1\r\n"
            default: return nil
            }
        } _: { server, _ in
            first.value = server.port
            try await withRedis(on: server.port) { options in
                options.lease = .seconds(60)
            } _: { connection in
                let earlier = try await begin(0..<3, to: Self.queue, by: connection)
                try await until { connection.statistics.redirections == 1 }
                let later = try await begin(3..<6, to: Self.queue, by: connection)
                try await until { await connection.session.untaken == 0 }
                try await connection.command("PING")
                try await wait(for: earlier + later)
                #expect(arrived.value == (0..<6).map(String.init))
            }
        }
    }

    /// What waits for a node, and the first of it, which is to find out where the queue is by now.
    @Test func whatWaitsForANodeKeepsItsOrderHoweverItComesBack() async throws {
        enum Phase { case going, waiting }
        let (first, phase) = (Shared(0), Shared(Phase.going))
        let (held, arrived) = (Shared<[String]>([]), Shared<[String]>([]))
        try await FakeRedis.withTwo { words, own, other in
            let moved = Self.moved(to: other)
            switch (words.first, own == first.value, phase.value) {
            case ("RPUSH", true, .going): return moved
            // It takes its time.
            case ("RPUSH", true, .waiting):
                held.value.append(words[2])
                return ""
            case ("PING", true, _):
                defer { held.value = [] }
                return String(repeating: moved, count: held.value.count) + "+PONG\r\n"
            // The node goes, and is back at once.
            case ("RPUSH", false, .going):
                phase.value = .waiting
                return "what?\r\n"
            case ("RPUSH", false, .waiting):
                arrived.value.append(words[2])
                return ":1\r\n"
            default: return nil
            }
        } _: { server, _ in
            first.value = server.port
            try await withRedis(on: server.port) { options in
                options.lease = .seconds(60)
            } _: { connection in
                let earlier = try await begin(0..<3, to: Self.queue, by: connection)
                // It has gone ahead; the others are with it, or wait for it.
                try await until { held.value.contains("0") }
                try await until { await connection.session.untaken == 0 }
                try await connection.command("PING")
                // Those that come now come last.
                try await send(3..<6, to: Self.queue, by: connection)
                try await wait(for: earlier)
                // Before them comes what the node had got together with the one at which it went.
                #expect(arrived.value.suffix(6) == (0..<6).map(String.init))
            }
        }
    }

    /// Some may come twice. Then all that follows them does.
    @Test func whatIsSentWhileANodeIsReplacedKeepsItsOrder() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.extraLines = ["cluster-node-timeout 1000"]
        try await RedisCluster.withCluster(options, replicas: 1) { cluster in
            let node = cluster.nodes[2]
            let (queue, heir) = (try await cluster.queue(at: node), try await cluster.replica(of: node))
            try await withRedis(on: cluster.nodes[0].port) { connection in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let last = Shared(0)
                    group.addTask {
                        while !Task.isCancelled {
                            let number = last.value
                            try? await send(number..<number + 20, to: queue, by: connection)
                            last.value += 20
                        }
                    }
                    try await until { last.value > 200 }
                    node.kill()
                    try await until { await cluster.owner(of: queue.text) === heir }
                    let after = last.value
                    try await until { last.value > after + 200 }
                    group.cancelAll()
                }
                let content = try await content(of: queue, at: heir)
                #expect(zip(content, content.dropFirst()).count { $0 >= $1 } <= 1)
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    private static let queue: QueueName = "q"

    private static func moved(to port: Int) -> String {
        "-MOVED \(QueueKeys(queue).slot) 127.0.0.1:\(port)\r\n"
    }

    /// Sends numbers, one right after the other, and waits until they are there.
    private func send(_ numbers: Range<Int>, to queue: QueueName, by connection: RedisConnection) async throws {
        try await wait(for: begin(numbers, to: queue, by: connection))
    }

    private func begin(
        _ numbers: Range<Int>,
        to queue: QueueName,
        by connection: RedisConnection
    ) async throws -> [Martlet.Confirmation] {
        var confirmations: [Martlet.Confirmation] = []
        for number in numbers {
            confirmations.append(
                try await connection.beginSending(Message("\(number)"), to: queue, options: SendOptions())
            )
        }
        return confirmations
    }

    private func wait(for confirmations: [Martlet.Confirmation]) async throws {
        var failure: (any Error)?
        for confirmation in confirmations {
            do { try await confirmation.wait() } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private func content(of queue: QueueName, at node: RedisServer) async throws -> [Int] {
        try await node.command("LRANGE", queue.text, "0", "-1").split(separator: "\n").compactMap { Int($0) }
    }
}

extension RedisSession {
    /// How many commands the loop has not taken to send.
    fileprivate var untaken: Int { outbox.count }
}
