import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

/// What services of other libraries push to callers that are gone: in one way or another it comes to an end.
@Suite(.timeLimit(.minutes(10))) struct GoneCallerTests {
    /// For those that are left. Those that go have a minute, as is usual: nothing is to be over before its time.
    private func soon(_ options: inout MartletRedis.RedisOptions) {
        options.lease = .seconds(1)
        options.replyExpiry = .milliseconds(100)
    }

    private func push(to lists: [String], by redis: RedisConnection) async throws {
        for list in lists { try await redis.command("RPUSH", RedisArgument(list), "late") }
    }

    /// As if it had been over for long. The server must know the owner still.
    private func endTime(of owner: String, by redis: RedisConnection) async throws {
        let known: Int = try await redis.command("ZADD", "{martlet.owners}", "XX", "CH", 1, RedisArgument(owner))
        #expect(known == 1)
    }

    @Test func aCallerThatDied() async throws {
        try await RedisServer.withServer { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                let dying = try await redis(on: proxy.port)
                _ = try await dying.openReplyAddress { _, _ in }
                let owner = try #require(dying.session.calls.base)
                try await proxy.refuseConnections()
                try await proxy.cut()
                try await withRedis(on: server.port, ConnectionOptions(), soon) { redis in
                    // Two look at the same time.
                    try await withRedis(on: server.port, ConnectionOptions(), soon) { _ in
                        let lists = (0..<3).map { _ in ReplyNames.makeList(owner) }
                        let other = ReplyNames.makeList(ReplyNames.makeBase())
                        try await push(to: lists + [other], by: redis)
                        // More keys than the server looks at in one go.
                        try await redis.command(
                            "EVAL",
                            "for i = 1, 5000 do redis.call('SET', 'key' .. i, i, 'PX', 2000) end",
                            0
                        )
                        try await endTime(of: owner, by: redis)
                        try await until { try await redis.command("DBSIZE") == 1 }
                        let left: Int = try await redis.command("PTTL", RedisArgument(other))
                        #expect(left == -1, "another's is left alone")
                    }
                }
                await dying.close()
            }
        }
    }

    @Test func aCallerWhoseFarewellDoesNotArrive() async throws {
        try await RedisServer.withServer { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                let leaving = try await redis(on: proxy.port)
                _ = try await leaving.openReplyAddress { _, _ in }
                let owner = try #require(leaving.session.calls.base)
                try await until { try await server.command("EXISTS", "{martlet.owners}") == "1" }
                proxy.set(.swallow, .toServer)
                await leaving.close()
                try await withRedis(on: server.port, ConnectionOptions(), soon) { redis in
                    try await push(to: [ReplyNames.makeList(owner)], by: redis)
                    try await endTime(of: owner, by: redis)
                    try await until { try await redis.command("DBSIZE") == 0 }
                }
            }
        }
    }

    @Test func aCallerThatLeftBeforeTheReply() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port, ConnectionOptions(), soon) { service in
                let caller = try await redis(on: server.port) { $0.responderGrace = .seconds(60) }
                let call = Task { try await caller.call("slow", Message("x"), timeout: .seconds(60)) }
                var taken: String?
                try await until {
                    taken = try await service.command("LPOP", "slow")
                    return taken != nil
                }
                let request = try #require(Envelope.unwrap(Array((taken ?? "").utf8), from: .call))
                let address = try #require(request.headers.replyTo)
                call.cancel()
                _ = await call.result
                await caller.close()
                try await push(to: [address], by: service)
                try await endTime(of: #require(ReplyNames.channel(of: address)), by: service)
                try await until { try await service.command("DBSIZE") == 0 }
            }
        }
    }

    /// As it is when the server's clock jumps.
    @Test func aCallerThatIsTakenForDeadAndLives() async throws {
        try await RedisServer.withServer { server in
            let replies = Recorder<String>()
            let caller = try await redis(on: server.port) { $0.lease = .seconds(1) }
            let address = try await caller.openReplyAddress { reply, _ in replies.record(reply.text ?? "") }
            let owner = RedisArgument(try #require(caller.session.calls.base))
            let list = address.address(for: "call")
            try await withRedis(on: server.port) { redis in
                try await redis.command("ZADD", "{martlet.owners}", 1, owner)
                // It looks when it opens replies of its own.
                _ = try await redis.openReplyAddress { _, _ in }
                try await redis.command("RPUSH", RedisArgument(list), #"{"header":{},"data":"1"}"#)
                try await replies.wait(for: 1)
                // More than the time for which one keeps the work to itself.
                try await until {
                    let end: Int? = try await redis.command("ZSCORE", "{martlet.owners}", owner)
                    let now: [Int] = try await redis.command("TIME")
                    return end.map { $0 / 1_000 > now[0] + 30 } ?? false
                }
            }
            await caller.close()
        }
    }
}
