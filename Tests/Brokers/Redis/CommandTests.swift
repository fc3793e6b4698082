import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct CommandTests {
    @Test func readsRepliesAsTheTypesAskedFor() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { redis in
            let key = RedisArgument(unique("typed"))
            let set: Bool = try await redis.command("SET", key, "7")
            #expect(set)
            let again: Bool = try await redis.command("SET", key, "8", "NX")
            #expect(!again)
            let number: Int = try await redis.command("INCR", key)
            #expect(number == 8)
            let half: Double = try await redis.command("INCRBYFLOAT", key, 0.5)
            #expect(half == 8.5)
            let text: String? = try await redis.command("GET", key)
            #expect(text == "8.5")
            let nothing: String? = try await redis.command("GET", RedisArgument(unique("absent")))
            #expect(nothing == nil)
            let bytes: [UInt8] = try await redis.command("GET", key)
            #expect(bytes == Array("8.5".utf8))
            try await redis.command("DEL", key)
            try await redis.command("HSET", key, "a", 1, "b", 2)
            let all: [String: Int] = try await redis.command("HGETALL", key)
            #expect(all == ["a": 1, "b": 2])
            let keys: [String] = try await redis.command("HKEYS", key)
            #expect(keys.sorted() == ["a", "b"])
            try await redis.command("DEL", key)
        }
    }

    @Test func bodiesOfAllBytesArriveAsTheyWere() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { redis in
            let key = RedisArgument(unique("bytes"))
            for size in [0, 1, 9, 10, 99, 100, 65_535, 65_536, 1 << 20] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try await redis.command("SET", key, RedisArgument(body))
                let read: [UInt8] = try await redis.command("GET", key)
                #expect(read == body, "\(size) bytes")
            }
            try await redis.command("DEL", key)
        }
    }

    @Test func refusalsSayWhatTheServerSaid() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { redis in
            let key = RedisArgument(unique("wrong"))
            try await redis.command("RPUSH", key, "x")
            let error = await #expect(throws: MessagingError.self) { try await redis.command("INCR", key) }
            #expect(error?.code == .refused)
            #expect((error?.cause as? RedisError)?.prefix == "WRONGTYPE")
            let wrongType = await errorCode { let _: Int = try await redis.command("LRANGE", key, 0, -1) }
            #expect(wrongType == .decodingFailed)
            try await redis.command("DEL", key)
            for command in [["SUBSCRIBE", "x"], ["blpop", "x", "0"], ["MULTI"], ["XREAD", "BLOCK", "0"], [], [""]] {
                let code = await errorCode { try await redis.command(RedisCommand(command.map { RedisArgument($0) })) }
                #expect(code == .invalidArgument, "\(command)")
            }
        }
    }

    @Test func pipelinesAndTransactionsAnswerInOrder() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { redis in
            let key = RedisArgument(unique("many"))
            let replies = try await redis.pipeline([
                RedisCommand("SET", key, 1), RedisCommand("INCR", key), RedisCommand("LPOP", key),
                RedisCommand("GET", key),
            ])
            #expect(replies.map(\.integer) == [nil, 2, nil, 2])
            #expect(replies[2].error?.prefix == "WRONGTYPE")
            let whole = try await redis.transaction([RedisCommand("INCR", key), RedisCommand("DEL", key)])
            #expect(whole == [.integer(3), .integer(1)])
            let code = await errorCode {
                _ = try await redis.transaction([RedisCommand("SET", key, 1), RedisCommand("NOSUCHCOMMAND")])
            }
            #expect(code == .refused)
            let rest: Bool = try await redis.command("EXISTS", key)
            #expect(!rest, "one that was refused has done nothing")
        }
    }

    /// A publish waits for the server's answer; those of many tasks share their way there.
    @Test func aCancelledCommandLeavesTheOthersAlone() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { redis in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let task = Task { () async throws -> Int in
                            let text: String = try await redis.command("ECHO", RedisArgument(number))
                            return Int(text) ?? -1
                        }
                        if number.isMultiple(of: 3) { task.cancel() }
                        do {
                            let echoed = try await task.value
                            #expect(echoed == number)
                        } catch is CancellationError {
                            #expect(number.isMultiple(of: 3))
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(redis.state == .connected)
        }
    }
}
