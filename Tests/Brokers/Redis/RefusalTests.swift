import Foundation
import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// What a server refuses for a while is done when it no longer does; nothing ends by it, and nothing counts as done.
@Suite(.timeLimit(.minutes(5))) struct RefusalTests {
    /// Why a server refuses to write.
    enum Reason: String, CaseIterable, Sendable {
        case noReplicas, misconfigured, busy, noMemory

        func begin(_ server: RedisServer) async throws {
            switch self {
            case .noReplicas: try await server.command("CONFIG", "SET", "min-replicas-to-write", "1")
            case .misconfigured:
                // It can't be replaced by the file that is to have its name.
                try FileManager.default.createDirectory(
                    atPath: server.folder.path("taken.rdb/full"),
                    withIntermediateDirectories: true
                )
                try await server.command("CONFIG", "SET", "save", "3600 1000000")
                try await server.command("CONFIG", "SET", "dbfilename", "taken.rdb")
                try await server.command("BGSAVE")
                try await until { try await server.command("INFO", "persistence").contains("last_bgsave_status:err") }
            case .busy: break
            case .noMemory: try await server.command("CONFIG", "SET", "maxmemory", "1")
            }
        }

        func end(_ server: RedisServer) async throws {
            switch self {
            case .noReplicas: try await server.command("CONFIG", "SET", "min-replicas-to-write", "0")
            case .misconfigured: try await server.command("CONFIG", "SET", "save", "")
            case .busy: try await server.command("SCRIPT", "KILL")
            case .noMemory: try await server.command("CONFIG", "SET", "maxmemory", "0")
            }
        }

        /// Runs `body` while the server refuses.
        func whileRefused(_ server: RedisServer, _ body: () async throws -> Void) async throws {
            try await begin(server)
            guard self == .busy else {
                try await body()
                return try await end(server)
            }
            try await server.command("CONFIG", "SET", "lua-time-limit", "50")
            async let script: Void = {
                _ = try? await server.command("EVAL", "while true do end", "0")
            }()
            try await until {
                do {
                    try await server.command("PING")
                    return false
                } catch {
                    return "\(error)".contains("BUSY")
                }
            }
            try await body()
            try await end(server)
            await script
        }

        /// Returns when a message was refused to a consumer that has just acknowledged one.
        func waitForRefusedMove(_ server: RedisServer, _ connection: RedisConnection) async throws {
            guard self == .busy else { return try await until { try await RefusalTests.hasRefused("blmove", server) } }
            // Such a server answers no question. What is told twice was told first together with the move.
            try await until { connection.statistics.refusedSettlements >= 2 }
        }
    }

    /// Whether the server has refused a command for other reasons than its arguments.
    private static func hasRefused(_ command: String, _ server: RedisServer) async throws -> Bool {
        let lines = try await server.command("INFO", "commandstats").split(whereSeparator: \.isNewline)
        return lines.contains { $0.hasPrefix("cmdstat_\(command):") && !$0.contains("rejected_calls=0") }
    }

    private func withServer(_ body: (RedisServer) async throws -> Void) async throws {
        var options = IntegrationSupport.RedisOptions()
        options.extraLines = ["enable-protected-configs yes"]
        try await RedisServer.withServer(options, body)
    }

    /// An acknowledgement, a message that is let go and one that is rejected: each is done, once.
    @Test(arguments: Reason.allCases) func whatIsSettledMeanwhileIsSettledAfterwards(_ reason: Reason) async throws {
        try await withServer { server in
            try await withRedis(on: server.port) {
                $0.deadLetterSuffix = ".dead"
            } _: { connection in
                let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 3))
                for number in 0..<4 { try await connection.send(Message("\(number)"), to: "jobs") }
                var held: [Delivery] = []
                while held.count < 3 { held.append(try #require(try await jobs.next())) }
                try await reason.whileRefused(server) {
                    try held[0].ack()
                    try held[1].nack(requeue: false)
                    try held[2].nack(requeue: true)
                    // Without memory some of it can be done all the same.
                    try await until {
                        if connection.statistics.refusedSettlements >= 6 { return true }
                        return reason == .noMemory ? try await server.command("KEYS", "*held*").isEmpty : false
                    }
                }
                var texts: [String] = []
                while texts.count < 2 {
                    let job = try #require(try await jobs.next())
                    texts.append(job.message.text ?? "")
                    try job.ack()
                }
                #expect(texts.sorted() == ["2", "3"])
                let letters = try await connection.consume(from: "jobs.dead")
                let letter = try #require(try await letters.next())
                #expect(letter.message.text == "1")
                try letter.ack()
                jobs.finish()
                letters.finish()
                try await expectNothingLeft(server)
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// A consumer with nothing to do, one whose messages come meanwhile, a responder, and the reader of reply lists.
    @Test(arguments: Reason.allCases) func nobodyWhoWaitsEnds(_ reason: Reason) async throws {
        try await withServer { server in
            try await withRedis(on: server.port) { connection in
                let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 1))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await connection.respond(to: "echo") { $0 } }
                    _ = try await retrying { try await connection.call("echo", Message("x"), timeout: .seconds(2)) }
                    try await connection.send(Message("0"), to: "jobs")
                    try await connection.send(Message("1"), to: "jobs")
                    let first = try #require(try await jobs.next())
                    try await reason.whileRefused(server) {
                        // From now on it asks for the next one.
                        try first.ack()
                        try await reason.waitForRefusedMove(server, connection)
                    }
                    let second = try #require(try await jobs.next())
                    #expect(second.message.text == "1")
                    try second.ack()
                    let reply = try await retrying {
                        try await connection.call("echo", Message("y"), timeout: .seconds(2))
                    }
                    #expect(reply.text == "y")
                    group.cancelAll()
                    while let result = await group.nextResult() { _ = result }
                }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// What was acknowledged does not come again because the connection closes before the server takes it.
    @Test func aConnectionThatClosesTellsFirst() async throws {
        try await withServer { server in
            let connection = try await redis(on: server.port)
            let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 1))
            for number in 0..<2 { try await connection.send(Message("\(number)"), to: "jobs") }
            let first = try #require(try await jobs.next())
            try await Reason.noReplicas.begin(server)
            try first.ack()
            try await until { connection.statistics.refusedSettlements > 0 }
            async let closing: Void = connection.close()
            // It ends its subscriptions, and goes on telling.
            #expect(try await jobs.next() == nil)
            let refusals = connection.statistics.refusedSettlements
            try await until { connection.statistics.refusedSettlements > refusals }
            try await Reason.noReplicas.end(server)
            await closing
            let left = try await server.command("LRANGE", "jobs", "0", "-1")
            #expect(left == "1")
            #expect(try await server.command("KEYS", "*held*").isEmpty)
        }
    }

    /// A link that comes back to a server which refuses is there for all else, and the consumer begins when it may.
    @Test func aConsumerBeginsWhenTheServerLetsIt() async throws {
        try await withServer { server in
            try await withRedis(on: server.port) { connection in
                let jobs = try await connection.consume(from: "jobs")
                let news = try await connection.subscribe(to: "news")
                try await Reason.noReplicas.begin(server)
                try await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                try await until { connection.statistics.linkFailures > 0 && connection.state == .connected }
                try await connection.publish(Message("1"), to: "news")
                #expect(try await news.next()?.message.text == "1")
                try await Reason.noReplicas.end(server)
                try await connection.send(Message("x"), to: "jobs")
                try await jobs.next()?.ack()
            }
        }
    }

    /// Whoever begins to consume waits as long as the server refuses.
    @Test func consumingBeginsWhenTheServerLetsIt() async throws {
        try await withServer { server in
            try await withRedis(on: server.port) { connection in
                try await Reason.noReplicas.begin(server)
                async let later = connection.consume(from: "jobs")
                try await until { try await server.command("INFO", "errorstats").contains("errorstat_NOREPLICAS") }
                try await Reason.noReplicas.end(server)
                let jobs = try await later
                try await connection.send(Message("x"), to: "jobs")
                try await jobs.next()?.ack()
            }
        }
    }

    /// What a server will never allow ends the one consumer that asked for it.
    @Test func whatIsNotAllowedEndsOneConsumer() async throws {
        try await withServer { server in
            try await withRedis(on: server.port) { connection in
                let jobs = try await connection.consume(from: "jobs")
                try await server.command("SET", "text", "x")
                let text = try await connection.consume(from: "text")
                let code = await errorCode { _ = try await text.next() }
                #expect(code == .refused)
                try await connection.send(Message("x"), to: "jobs")
                try await jobs.next()?.ack()
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// A message that can't go back, or become a dead letter, stays where it is until it can.
    @Test func whatCannotBePutAnywhereIsKept() async throws {
        try await withServer { server in
            try await withRedis(on: server.port) {
                $0.deadLetterSuffix = ".dead"
            } _: { connection in
                let jobs = try await connection.consume(from: "jobs", options: ConsumeOptions(prefetch: 2))
                for number in 0..<2 { try await connection.send(Message("\(number)"), to: "jobs") }
                let (first, second) = (try #require(try await jobs.next()), try #require(try await jobs.next()))
                try await server.command("SET", "jobs", "no list")
                try await server.command("SET", "jobs.dead", "no list")
                try first.nack(requeue: false)
                try second.nack(requeue: true)
                try await until { connection.statistics.refusedSettlements >= 2 }
                #expect(try await server.command("EVAL", "return #redis.call('KEYS', '*held*')", "0") == "1")
                try await server.command("DEL", "jobs.dead", "jobs")
                try await until { try await server.command("LLEN", "jobs.dead") == "1" }
                try await until { try await server.command("EXISTS", "jobs") == "1" || jobs.waiting == 1 }
            }
        }
    }

    /// A request that nobody waits for is taken back when the server lets it be.
    @Test func aRequestIsTakenBackAfterARefusal() async throws {
        try await withServer { server in
            try await withRedis(on: server.port) {
                $0.responderGrace = .seconds(60)
            } _: { connection in
                let call = Task { try await connection.call("nobody", Message("x"), timeout: .seconds(60)) }
                try await until { try await server.command("LLEN", "nobody") == "1" }
                try await Reason.noReplicas.begin(server)
                call.cancel()
                _ = await call.result
                try await until { try await Self.hasRefused("lrem", server) }
                #expect(try await server.command("LLEN", "nobody") == "1")
                try await Reason.noReplicas.end(server)
                try await until { try await server.command("LLEN", "nobody") == "0" }
            }
        }
    }

    private func expectNothingLeft(_ server: RedisServer) async throws {
        try await until { try await server.command("KEYS", "*jobs*").isEmpty }
    }
}
