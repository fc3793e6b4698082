import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// What is too large, too much at once, or nested too deep costs itself and nothing else.
@Suite(.timeLimit(.minutes(5))) struct OversizedTests {
    private static let limit = 1 << 20

    private func small(_ options: inout MartletRedis.RedisOptions) {
        options.maximumReplyBytes = Self.limit
    }

    private func body(_ size: Int, _ number: Int = 0) -> [UInt8] {
        Array(String(number).utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: size)
    }

    /// Puts a large element into a list, by the server itself.
    private func push(_ size: Int, to key: String, _ server: RedisServer) async throws {
        let script = "return redis.call('RPUSH', KEYS[1], string.rep('x', ARGV[1]))"
        try await server.command("EVAL", script, "1", key, "\(size)")
    }

    // MARK: Elements

    @Test(arguments: [nil, ".dead"]) func anElementThatIsTooLargeIsPutAside(_ suffix: String?) async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port, ConnectionOptions()) { options in
                small(&options)
                options.deadLetterSuffix = suffix
            } _: { connection in
                let news = try await connection.subscribe(to: "news")
                for key in ["a", "b"] {
                    try await server.command("RPUSH", key, "first")
                    for _ in 0..<3 { try await push(2 * Self.limit, to: key, server) }
                    try await server.command("RPUSH", key, "last")
                }
                for key in ["a", "b"] {
                    // With little room each one is found by itself.
                    let options = ConsumeOptions(prefetch: key == "a" ? 16 : 1)
                    let queue = try await connection.consume(from: QueueName(key), options: options)
                    for text in ["first", "last"] {
                        let delivery = try #require(try await queue.next())
                        #expect(delivery.message.text == text)
                        try delivery.ack()
                    }
                    let place = suffix.map { key + $0 } ?? "{\(key)}.oversized"
                    try await until { try await server.command("LLEN", place) == "3" }
                    queue.finish()
                    try await until { try await server.command("KEYS", "{\(key)}.held*").isEmpty }
                }
                #expect(connection.statistics.oversized == 6)
                try await connection.publish(Message("x"), to: "news")
                #expect(try await news.next()?.message.text == "x")
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// Where the server has no memory left, elements come in another way.
    @Test func anElementThatIsTooLargeIsPutAsideWithoutMemory() async throws {
        try await RedisServer.withServer { server in
            try await server.command("RPUSH", "q", "first")
            try await push(2 * Self.limit, to: "q", server)
            try await server.command("RPUSH", "q", "last")
            try await server.command("CONFIG", "SET", "maxmemory", "1")
            try await withRedis(on: server.port, ConnectionOptions(), small) { connection in
                let queue = try await retrying { try await connection.consume(from: "q") }
                try await server.command("CONFIG", "SET", "maxmemory", "0")
                for text in ["first", "last"] {
                    let delivery = try #require(try await queue.next())
                    #expect(delivery.message.text == text)
                    try delivery.ack()
                }
                try await until { try await server.command("LLEN", "{q}.oversized") == "1" }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    // MARK: What was held

    /// More than one reply may have, by whoever finds it and by whoever held it.
    @Test func whoeverHeldMoreThanAReplyMayHaveIsRecovered() async throws {
        try await RedisServer.withServer { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                let dying = try await redis(on: proxy.port) { $0.lease = .seconds(1) }
                let held = try await dying.consume(from: "heavy", options: ConsumeOptions(prefetch: 80))
                try await withRedis(on: server.port) { options in
                    small(&options)
                    // What it lets go on leaving goes back together if that takes no longer.
                    options.lease = .seconds(6)
                } _: { heir in
                    let news = try await heir.subscribe(to: "news")
                    for number in 0..<40 { try await heir.send(Message(body(100_000, number)), to: "heavy") }
                    try await until { held.waiting == 40 }
                    try await proxy.refuseConnections()
                    try await proxy.cut()
                    let jobs = try await heir.consume(from: "heavy", options: ConsumeOptions(prefetch: 80))
                    var taken: [Delivery] = []
                    for number in 0..<40 {
                        let job = try #require(try await jobs.next())
                        #expect(job.message.body == body(100_000, number))
                        #expect(job.redeliveries == 1)
                        taken.append(job)
                    }
                    // And again, when its own link is cut.
                    try await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                    try await until { heir.statistics.linkFailures == 1 && heir.state == .connected }
                    taken.removeAll()
                    for number in 0..<40 {
                        let job = try #require(try await jobs.next())
                        #expect(job.message.body == body(100_000, number))
                        #expect(job.redeliveries == 2)
                        taken.append(job)
                    }
                    // And when it leaves with all of it.
                    jobs.finish()
                    for job in taken.shuffled() { try job.nack(requeue: true) }
                    taken.removeAll()
                    let last = try await heir.consume(from: "heavy", options: ConsumeOptions(prefetch: 1))
                    for number in 0..<40 {
                        let job = try #require(try await last.next())
                        #expect(job.message.body == body(100_000, number))
                        try job.ack()
                    }
                    try await heir.publish(Message("x"), to: "news")
                    #expect(try await news.next()?.message.text == "x")
                    #expect(heir.statistics.linkFailures == 1)
                }
                await dying.close()
            }
        }
    }

    /// What nobody can read is found in what a dead consumer held as well.
    @Test func whoeverHeldWhatIsTooLargeIsRecovered() async throws {
        try await RedisServer.withServer { server in
            try await server.command("RPUSH", "{q}.held.dead", "first")
            try await push(2 * Self.limit, to: "{q}.held.dead", server)
            try await server.command("RPUSH", "{q}.held.dead", "last")
            try await server.command("ZADD", "{q}.leases", "0", "dead")
            try await withRedis(on: server.port, ConnectionOptions(), small) { connection in
                let queue = try await connection.consume(from: "q")
                for text in ["first", "last"] {
                    let delivery = try #require(try await queue.next())
                    #expect(delivery.message.text == text)
                    try delivery.ack()
                }
                try await until { try await server.command("LLEN", "{q}.oversized") == "1" }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    // MARK: Published messages and replies

    @Test func aPublishedMessageThatIsTooLargeIsSkipped() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port, ConnectionOptions(), small) { reader in
                try await withRedis(on: server.port) { publisher in
                    let news = try await reader.subscribe(to: "news.*")
                    try await publisher.publish(Message(body(2 * Self.limit)), to: "news.a")
                    try await publisher.publish(Message("next"), to: "news.a")
                    #expect(try await news.next()?.message.text == "next")
                    // What is asked afterwards is answered.
                    let more = try await reader.subscribe(to: "more")
                    try await publisher.publish(Message("x"), to: "more")
                    #expect(try await more.next()?.message.text == "x")
                    #expect(reader.statistics.oversized == 1)
                    #expect(reader.statistics.linkFailures == 0)
                }
            }
        }
    }

    @Test func aReplyThatIsTooLargeFailsItsCommandAlone() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port, ConnectionOptions(), small) { connection in
                let jobs = try await connection.consume(from: "jobs")
                try await connection.send(Message("x"), to: "jobs")
                let job = try #require(try await jobs.next())
                for script in [
                    "return string.rep('x', 3000000)", "return redis.error_reply(string.rep('x', 3000000))",
                    "return {1, {string.rep('x', 3000000), 2}}", "return {ok = string.rep('x', 3000000)}",
                    "local t = {} for i = 1, 100000 do t[i] = i end return t",
                ] {
                    let code = await errorCode { try await connection.command("EVAL", RedisArgument(script), 0) }
                    #expect(code == .bodyTooLarge, "\(script)")
                }
                let replies = try await connection.pipeline([
                    RedisCommand("EVAL", "return 1", 0), RedisCommand("EVAL", "return string.rep('x', 3000000)", 0),
                    RedisCommand("EVAL", "return 3", 0),
                ])
                #expect(replies.first == .integer(1) && replies.last == .integer(3))
                #expect(replies.dropFirst().first?.error != nil)
                // A line that is long, and not too long, is no reason to end anything.
                let error = await #expect(throws: MessagingError.self) {
                    try await connection.command(
                        "EVAL",
                        "return redis.error_reply('ERR ' .. string.rep('x', 100000))",
                        0
                    )
                }
                #expect(error?.code == .refused)
                try job.ack()
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    @Test func repliesMayBeNestedDeep() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { connection in
            let jobs = try await connection.consume(from: QueueName(unique("deep")))
            for depth in [9, 64, 255, 256, 1_000] {
                let script = RedisArgument(
                    "local value = 1 for i = 1, tonumber(ARGV[1]) do value = {value} end return value"
                )
                let result: Result<RedisValue, any Error>
                do {
                    result = .success(try await connection.command("EVAL", script, 0, RedisArgument(depth)))
                } catch {
                    result = .failure(error)
                }
                guard depth <= 255 else {
                    #expect(throws: MessagingError.self) { try result.get() }
                    continue
                }
                var (value, found) = (try result.get(), 0)
                while let inner = value.array?.first { (value, found) = (inner, found + 1) }
                #expect(found == depth)
                #expect(value == .integer(1))
            }
            let documentation = try await connection.command("COMMAND", "DOCS")
            #expect((documentation.array?.count ?? 0) > 100)
            #expect(connection.statistics.linkFailures == 0)
            jobs.finish()
        }
    }
}
