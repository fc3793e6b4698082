import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// A server that becomes a replica ends nothing: the connection waits for a master, or looks for another one.
@Suite(.timeLimit(.minutes(5))) struct FailoverTests {
    /// A port where no master is, so that a replica of it stays one.
    private static let nowhere = "1"

    @Test func aServerThatIsAReplicaForAWhileEndsNothing() async throws {
        try await RedisServer.withServer { server in
            let connection = try await redis(on: server.port)
            let other = try await redis(on: server.port)
            let jobs = try await connection.consume(from: "jobs")
            let news = try await connection.subscribe(to: "news.#")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await connection.respond(to: "echo.it") { $0 } }
                group.addTask { try await Node("echo", on: other) { Respond(to: "echo.node") { $0 } }.run() }
                for name: QueueName in ["echo.it", "echo.node"] { try await expectEcho(name, by: connection) }
                for round in 0..<3 {
                    try await server.command("REPLICAOF", "127.0.0.1", Self.nowhere)
                    try await until { connection.state != .connected && other.state != .connected }
                    try await server.command("REPLICAOF", "NO", "ONE")
                    try await until { connection.state == .connected && other.state == .connected }
                    try await other.send(Message("\(round)"), to: "jobs")
                    let job = try #require(try await jobs.next())
                    #expect(job.message.text == "\(round)")
                    try job.ack()
                    try await other.publish(Message("news"), to: "news.now")
                    #expect(try await news.next()?.message.text == "news")
                    for name: QueueName in ["echo.it", "echo.node"] { try await expectEcho(name, by: connection) }
                }
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result { #expect(error is CancellationError, "\(error)") }
                }
            }
            await connection.close()
            await other.close()
        }
    }

    /// A send with a guarantee is not lost on a server that has become a replica: it waits for the master.
    @Test func whatIsToArriveWaitsForTheMaster() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port) { sender in
                try await server.command("REPLICAOF", "127.0.0.1", Self.nowhere)
                async let sending: Void = sender.send(Message("sure"), to: "jobs")
                try await until { sender.state != .connected }
                try await server.command("REPLICAOF", "NO", "ONE")
                try await sending
                #expect(try await server.command("LRANGE", "jobs", "0", "-1") == "sure")
            }
        }
    }

    @Test func aServerThatHasBecomeAReplicaIsLeftForTheMaster() async throws {
        try await RedisServer.withServer { first in
            try await RedisServer.withServer { second in
                let servers: [MartletRedis.RedisOptions.Server] = [first, second].map {
                    .tcp(host: "127.0.0.1", port: $0.port)
                }
                try await withRedis(on: first.port) { options in
                    options.servers = servers
                } _: { consumer in
                    try await withRedis(on: first.port) { options in
                        options.servers = servers
                    } _: { sender in
                        let jobs = try await consumer.consume(from: "jobs")
                        for (master, replica) in [(second, first), (first, second), (second, first)] {
                            try await replica.command("REPLICAOF", "127.0.0.1", "\(master.port)")
                            try await master.command("REPLICAOF", "NO", "ONE")
                            try await sender.send(Message("\(master.port)"), to: "jobs")
                            let job = try #require(try await jobs.next())
                            #expect(job.message.text == "\(master.port)")
                            try job.ack()
                            // A program's own writes look for the master, too.
                            try await retrying { try await sender.command("SET", "key", "value") }
                        }
                    }
                }
            }
        }
    }

    /// Whoever only reads may do that at a replica, and a write that is refused there hurts nobody else.
    @Test func aReplicaServesWhoeverOnlyReads() async throws {
        try await RedisServer.withServer { server in
            try await server.command("SET", "key", "value")
            try await server.command("REPLICAOF", "127.0.0.1", Self.nowhere)
            try await withRedis(on: server.port) { reader in
                let news = try await reader.subscribe(to: "news")
                let value: String = try await reader.command("GET", "key")
                #expect(value == "value")
                let code = await errorCode { try await reader.command("SET", "key", "other") }
                #expect(code == .refused)
                try await reader.publish(Message("1"), to: "news")
                #expect(try await news.next()?.message.text == "1")
                #expect(reader.statistics.linkFailures == 0)
            }
        }
    }

    /// Errors that a program's own script makes up cost nobody the link.
    @Test(arguments: ["READONLY no", "UNBLOCKED no", "MASTERDOWN no", "MOVED 7 127.0.0.1:1", "LOADING no"])
    func whatAScriptMakesUpIsBelievedOfNoServer(_ error: String) async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { connection in
            let queue = QueueName(unique("made-up"))
            let jobs = try await connection.consume(from: queue)
            for isRepeatable in [false, true] {
                let code = await errorCode {
                    let script = RedisArgument("return redis.error_reply('\(error)')")
                    try await connection.command("EVAL", script, 0, isRepeatable: isRepeatable, timeout: .seconds(10))
                }
                #expect(code == .refused)
            }
            try await connection.send(Message("x"), to: queue)
            let job = try #require(try await jobs.next())
            try job.ack()
            #expect(connection.statistics.linkFailures == 0)
        }
    }

    /// What had been fetched ahead by a link that is lost is handled once: when it comes again.
    @Test func whatALostLinkHadFetchedIsNotHandledTwice() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port) { connection in
                let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 8))
                for number in 0..<8 { try await connection.send(Message("\(number)"), to: "jobs") }
                try await until { jobs.waiting == 8 }
                let first = try #require(try await jobs.next())
                try await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                try await until { connection.statistics.linkFailures > 0 && connection.state == .connected }
                #expect(throws: MessagingError.self) { try first.ack() }
                for number in 0..<8 {
                    let job = try #require(try await jobs.next())
                    #expect(job.message.text == "\(number)")
                    #expect(job.redeliveries == 1)
                    try job.ack()
                }
                #expect(connection.statistics.staleDeliveries == 7)
            }
        }
    }

    private func expectEcho(_ name: QueueName, by connection: RedisConnection) async throws {
        let reply = try await retrying { try await connection.call(name, Message("x"), timeout: .seconds(2)) }
        #expect(reply.text == "x")
    }
}
