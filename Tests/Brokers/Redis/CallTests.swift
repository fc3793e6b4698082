import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

/// Calls, beside peers of other libraries, and what they leave behind.
@Suite(.timeLimit(.minutes(10))) struct CallTests {
    /// A service that does as commlib-py's does: takes a request from the list, and pushes the reply to the list that
    /// it is told, without saying what it answers.
    private func foreignService(
        _ name: String,
        on redis: RedisConnection,
        requests: Int,
        _ handler: (String) async throws -> String
    ) async throws {
        for _ in 0..<requests {
            var taken: String?
            try await until {
                taken = try await redis.command("LPOP", RedisArgument(name))
                return taken != nil
            }
            let request = try #require(Envelope.unwrap(Array((taken ?? "").utf8), from: .call))
            let reply = try await handler(request.text ?? "")
            let address = RedisArgument(request.headers.replyTo ?? "")
            let wire = #"{"header":{"reply_to":"","correlation_id":null,"timestamp":1},"data":\#(reply)}"#
            try await redis.command("RPUSH", address, RedisArgument(wire))
        }
    }

    @Test func aForeignServiceAnswersManyCallsAtOnce() async throws {
        let port = try await RedisServer.shared().port
        let name = unique("foreign")
        let redis = try await redis(on: port)
        let service = try await withRedis(on: port) { service in
            try await withThrowingTaskGroup(of: Void.self) { group in
                // Nobody says that the service is there; one that waits for longer than that is found.
                for number in 0..<300 {
                    group.addTask {
                        while true {
                            do {
                                let reply = try await redis.call(
                                    QueueName(name),
                                    Message("\(number)"),
                                    timeout: .seconds(120)
                                )
                                #expect(reply.text == "\(number)")
                                return
                            } catch let error as MessagingError where error.code == .noResponder {}
                        }
                    }
                }
                try await foreignService(name, on: service, requests: 300) { $0 }
                try await group.waitForAll()
            }
            return true
        }
        #expect(service)
        await redis.close()
        try await expectNoKeys(name, port)
    }

    @Test func aLateReplyIsNotTakenForTheNextCalls() async throws {
        let port = try await RedisServer.shared().port
        let name = unique("late")
        // The service is slow to look at its list.
        let redis = try await redis(on: port) { $0.responderGrace = .seconds(60) }
        try await withRedis(on: port) { service in
            var addresses: [String] = []
            for round in 0..<80 {
                let call = Task { try await redis.call(QueueName(name), Message("\(round)"), timeout: .seconds(20)) }
                var taken: String?
                try await until {
                    taken = try await service.command("LPOP", RedisArgument(name))
                    return taken != nil
                }
                addresses.append(try #require(Envelope.unwrap(Array((taken ?? "").utf8), from: .call)?.headers.replyTo))
                call.cancel()
                _ = await call.result
            }
            #expect(Set(addresses).count == 80, "a list whose call was not answered is not used again")
            // Now all of them answer, wrongly, and one call is answered rightly.
            for address in addresses {
                try await service.command("RPUSH", RedisArgument(address), #"{"header":{},"data":"wrong"}"#)
            }
            async let reply = redis.call(QueueName(name), Message("now"), timeout: .seconds(20))
            try await foreignService(name, on: service, requests: 1) { _ in #""right""# }
            let text = try await reply.text
            #expect(text == #""right""#)
            try await until { redis.statistics.lateReplies >= 60 }
        }
        await redis.close()
        try await expectNoKeys(name, port)
    }

    /// What a server takes for an open link waits for the names of before, and is served first.
    @Test func aLinkThatTheServerTakesForOpenGetsNoReplies() async throws {
        let port = try await RedisServer.shared().port
        let name = unique("half-open")
        try await TCPProxy.withProxy(to: port) { lost in
            try await TCPProxy.withProxy(to: port) { next in
                let redis = try await redis(on: lost.port) { options in
                    options.servers = [lost, next].map { .tcp(host: "127.0.0.1", port: $0.port) }
                    options.keepAlive = .milliseconds(300)
                    options.responseTimeout = .seconds(1)
                    options.responderGrace = .seconds(60)
                }
                try await withRedis(on: port) { service in
                    for round in 0..<2 {
                        async let reply = redis.call(QueueName(name), Message("\(round)"), timeout: .seconds(20))
                        try await foreignService(name, on: service, requests: 1) { $0 }
                        let text = try await reply.text
                        #expect(text == "\(round)")
                        guard round == 0 else { continue }
                        // Nobody learns that the link is lost but the connection.
                        lost.set(.swallow)
                        try await lost.refuseConnections()
                        try await until { redis.statistics.linkFailures > 0 && redis.state == .connected }
                    }
                }
                await redis.close()
            }
        }
    }

    @Test func aForeignClientIsAnswered() async throws {
        let port = try await RedisServer.shared().port
        let name = unique("asked")
        try await withRedis(on: port) { client in
            try await withRedis(on: port) { responder in
                let ready = Recorder<Void>()
                let responding = Task {
                    try await responder.respond(to: QueueName(name), onReady: { ready.signal() }) {
                        Message(($0.text ?? "") + "1")
                    }
                }
                try await ready.wait(for: 1)
                let address = "rpc-0123456789abcdef0123456789abcdef-\(name)"
                let request = #"{"header":{"reply_to":"\#(address)","correlation_id":null,"timestamp":1},"data":4}"#
                try await client.command("RPUSH", RedisArgument(name), RedisArgument(request))
                var reply: String?
                try await until {
                    reply = try await client.command("LINDEX", RedisArgument(address), 0)
                    return reply != nil
                }
                #expect(Envelope.unwrap(Array((reply ?? "").utf8), from: .call)?.text == "41")
                // Who never looks leaves nothing behind for good.
                let left: Int = try await client.command("PTTL", RedisArgument(address))
                #expect((1...60_000).contains(left))
                try await client.command("DEL", RedisArgument(address))
                responding.cancel()
                _ = await responding.result
            }
        }
    }

    @Test func aRequestThatNobodyWaitsForIsTakenBack() async throws {
        let port = try await RedisServer.shared().port
        let name = unique("absent")
        let key = RedisArgument(name)
        try await withRedis(on: port) {
            // As if there were one of another library, which is busy.
            $0.responderGrace = .seconds(60)
        } _: { redis in
            let calls = (0..<20).map { number in
                Task { try await redis.call(QueueName(name), Message("\(number)"), timeout: .seconds(30)) }
            }
            try await until { try await redis.command("LLEN", key) == 20 }
            for call in calls { call.cancel() }
            for call in calls { _ = await call.result }
            try await until { try await redis.command("LLEN", key) == 0 }
        }
    }

    /// How many: `MARTLET_CALLS`, or 2,000; one a second makes 86,400 a day.
    @Test func aDaysCallsLeaveNoKey() async throws {
        let count = ProcessInfo.processInfo.environment["MARTLET_CALLS"].flatMap { Int($0) } ?? 2_000
        try await RedisServer.withServer { server in
            let caller = try await redis(on: server.port) { $0.replyExpiry = .milliseconds(100) }
            let responder = try await redis(on: server.port) { $0.lease = .seconds(1) }
            let responding = Task {
                try await responder.respond(to: "echo") { request in
                    if request.text == "slow" { try await Task.sleep(for: .seconds(60)) }
                    return request
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    if number >= 100 { try await group.next() }
                    group.addTask {
                        let isSlow = number.isMultiple(of: 50)
                        do {
                            let timeout: Duration = isSlow ? .milliseconds(20) : .seconds(20)
                            _ = try await caller.call("echo", Message(isSlow ? "slow" : "x"), timeout: timeout)
                        } catch let error as MessagingError where [.timeout, .noResponder].contains(error.code) {}
                    }
                }
                try await group.waitForAll()
            }
            #expect(caller.statistics.callsInFlight == 0)
            let left: [String] = try await caller.command("KEYS", "*")
            #expect(left.allSatisfy { $0.hasPrefix("{echo}.") || $0.hasPrefix("{martlet.owners}") }, "\(left)")
            await caller.close()
            // Some calls were not answered; who is left finds out that nothing came.
            try await until { try await responder.command("EXISTS", "{martlet.owners}") == 0 }
            responding.cancel()
            _ = await responding.result
            await responder.close()
            try await until { try await server.command("DBSIZE") == "0" }
        }
    }

    @Test func aThousandConnectionsLeaveNothing() async throws {
        try await RedisServer.withServer { server in
            func cycle() async throws {
                let connection = try await redis(on: server.port) { $0.replyExpiry = .seconds(1) }
                let subscription = try await connection.subscribe(to: "a.#")
                let consumer = try await connection.consume(from: "q")
                _ = try await connection.openReplyAddress { _, _ in }
                await connection.close()
                withExtendedLifetime((subscription, consumer)) {}
            }
            // Some at a time: each waits for the server again and again, and a machine that is busy lets it wait long.
            func cycles(_ count: Int) async throws {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<10 { group.addTask { for _ in 0..<count / 10 { try await cycle() } } }
                    try await group.waitForAll()
                }
            }
            try await cycles(20)
            let before = OpenFiles.count()
            try await cycles(1_000)
            let after = OpenFiles.count()
            // One that each leaves would be a thousand. Those of the tests beside this one come and go.
            #expect(after - before < 500, "\(before) files were open, then \(after)")
            // One whose list of replies was being read when it was closed is tidied up behind by another. It has happened to two.
            let owners = Int(try await server.command("ZCARD", "{martlet.owners}")) ?? 0
            #expect(owners < 20)
            try await withRedis(on: server.port) { _ in
                try await until { try await server.command("DBSIZE") == "0" }
            }
            try await until {
                try await server.command("CLIENT", "LIST").split(separator: "\n").count == 1
            }
        }
    }

    private func expectNoKeys(_ name: String, _ port: Int) async throws {
        try await withRedis(on: port) { redis in
            try await until {
                let keys: [String] = try await redis.command("KEYS", RedisArgument("*\(name)*"))
                return keys.isEmpty
            }
        }
    }
}
