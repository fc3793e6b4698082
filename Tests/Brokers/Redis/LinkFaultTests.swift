import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import MartletTransport
import Testing

// The server's options have the same name.
import struct MartletRedis.RedisOptions

@testable import MartletRedis

/// What a connection does when its server, or one of its sockets, goes.
@Suite(.timeLimit(.minutes(10))) struct LinkFaultTests {
    @Test func nothingOfAClosedConnectionStartsAThreadWhenItIsDropped() async throws {
        try await RedisServer.withServer { server in
            var connection: RedisConnection? = try await redis(on: server.port)
            var subscription: Subscription? = try await connection?.subscribe(to: "dropped.topic")
            var consumer: Subscription? = try await connection?.consume(from: "dropped-queue")
            let loop = try #require(connection?.session.loop)
            await connection?.close()
            try await until { !loop.isRunning }
            let threads = loop.statistics.threads
            withExtendedLifetime((subscription, consumer)) {}
            subscription = nil
            consumer = nil
            connection = nil
            #expect(loop.statistics.threads == threads)
        }
    }

    /// Whatever socket is killed, the connection comes back whole.
    @Test(arguments: ["normal", "pubsub"]) func comesBackWhenItsSocketsAreKilled(_ type: String) async throws {
        try await RedisServer.withServer { server in
            let connection = try await redis(on: server.port)
            let other = try await redis(on: server.port)
            let subscription = try await connection.subscribe(to: "a.*")
            let consumer = try await connection.consume(from: "q")
            let responding = Task { try await connection.respond(to: "rpc") { $0 } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                _ = try await retrying { try await other.call("rpc", Message("x"), timeout: .seconds(1)) }
                _ = try await connection.call("rpc", Message("own"))
                let states = Recorder<ConnectionState>()
                group.addTask { for await state in connection.states() { states.record(state) } }
                try await states.wait(for: 1)
                try await server.command("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes")
                try await states.wait(for: 3)
                #expect(states.values == [.connected, .disconnected, .connected])
                try await until { other.state == .connected }
                try await other.publish(Message("1"), to: "a.b")
                try await other.send(Message("2"), to: "q")
                let published = try await subscription.next()
                #expect(published?.message.text == "1")
                let sent = try await consumer.next()
                #expect(sent?.message.text == "2")
                try sent?.ack()
                let reply = try await retrying { try await other.call("rpc", Message("3"), timeout: .seconds(1)) }
                #expect(reply.text == "3")
                #expect(connection.statistics.gaps == 1)
                await connection.close()
                try await group.waitForAll()
            }
            responding.cancel()
            _ = await responding.result
            await other.close()
        }
    }

    /// What was asked for by a link that was never whole is asked for again.
    @Test func aConsumerAsksAnewWhenTheLinkIsLostBeforeItIsWhole() async throws {
        enum Phase { case first, losing, second, third }
        let (phase, moves) = (Shared(Phase.first), Shared(0))
        try await FakeRedis.withTwo { words, _, _ in
            switch (phase.value, words[0]) {
            case (_, "BLMOVE"):
                moves.value += 1
                return ""
            case (.losing, "EVAL"):
                (phase.value, moves.value) = (.second, 0)
                return "-READONLY no\r\n"
            case (.second, "EVAL") where words[3].hasPrefix("{two}.held"):
                // Until one consumer has begun. The other one has not.
                guard moves.value > 0 else { return "*2\r\n:1\r\n$1\r\nx\r\n" }
                (phase.value, moves.value) = (.third, 0)
                return "-READONLY no\r\n"
            default:
                return nil
            }
        } _: { server, _ in
            try await withRedis(on: server.port) {
                $0.lease = .milliseconds(300)
            } _: { connection in
                let options = ConsumeOptions(prefetch: 4)
                let consumers = [
                    try await connection.consume(from: "one", options: options),
                    try await connection.consume(from: "two", options: options),
                ]
                try await until { moves.value == 8 }
                phase.value = .losing
                try await until { phase.value == .third && moves.value == 8 }
                withExtendedLifetime(consumers) {}
            }
        }
    }

    /// The silence of a time in which this process did not run says nothing of the server.
    @Test func aProcessThatStoodStillTakesNobodyForDead() async throws {
        try await RedisServer.withServer { server in
            let connection = try await redis(on: server.port) {
                $0.keepAlive = .milliseconds(300)
                $0.responseTimeout = .seconds(1)
            }
            let subscription = try await connection.subscribe(to: "still.*")
            // What was asked just before is answered meanwhile, and not read.
            async let published: Void = connection.publish(Message("before"), to: "still.x")
            await connection.session.standStill(seconds: 4)
            try await published
            try await connection.publish(Message("after"), to: "still.x")
            #expect(try await subscription.next()?.message.text == "before")
            #expect(try await subscription.next()?.message.text == "after")
            #expect(connection.statistics.linkFailures == 0)
            await connection.close()
        }
    }

    @Test func aSlowSubscriberThatIsCutShowsAsAStateAndAGap() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.subscriberBufferLimit = 256 << 10
        try await RedisServer.withServer(options) { server in
            try await withRedis(on: server.port) { publisher in
                try await withRedis(on: server.port) { reader in
                    let slow = try await reader.subscribe(to: "flood", options: SubscribeOptions(limit: 4))
                    let body = [UInt8](repeating: 65, count: 64 << 10)
                    while reader.statistics.gaps == 0 {
                        try await publisher.beginPublishing(Message(body), to: "flood", options: PublishOptions())
                            .wait()
                    }
                    try await until { reader.state == .connected }
                    // What had arrived is there, and what is published from now on comes.
                    try await publisher.publish(Message("after"), to: "flood")
                    while try await slow.next()?.message.text != "after" {}
                    #expect(slow.dropped == 0)
                }
            }
        }
    }

    @Test func aServerThatHangsIsFoundOut() async throws {
        try await RedisServer.withServer { server in
            let connection = try await redis(on: server.port) { options in
                options.responseTimeout = .seconds(1)
                options.connectTimeout = .seconds(1)
                options.lease = .seconds(1)
            }
            server.pause()
            let code = await errorCode {
                try await connection.beginPublishing(Message("x"), to: "a", options: PublishOptions()).wait()
            }
            #expect(code == .connectionLost)
            #expect(connection.state == .disconnected)
            // One that is to arrive waits.
            let sending = Task { try await connection.send(Message("sure"), to: "q") }
            server.resume()
            try await sending.value
            try await retrying { try await connection.publish(Message("x"), to: "a") }
            await connection.close()
        }
    }

    /// Nobody waits for the server's word on a publish: it is counted, and told to who asks for it.
    @Test func aRefusedPublishIsCountedAndToldToWhoAsks() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.password = "other"
        options.users = ["mute on >secret ~* &* +@all -publish"]
        try await RedisServer.withServer(options) { server in
            let connection = try await redis(on: server.port) { options in
                options.username = "mute"
                options.password = "secret"
            }
            for _ in 0..<3 { try await connection.publish(Message("x"), to: "a") }
            let code = await errorCode {
                try await connection.beginPublishing(Message("x"), to: "a", options: PublishOptions()).wait()
            }
            #expect(code == .refused)
            // Its answer came after theirs.
            #expect(connection.statistics.refused == 3)
            await connection.close()
        }
    }

    @Test func aSilentServerIsGivenUp() async throws {
        try await SilentServer.withServer { server in
            let code = await errorCode {
                _ = try await redis(on: server.port) { $0.connectTimeout = .milliseconds(100) }
            }
            #expect(code == .timeout)
            let connecting = Task { try await redis(on: server.port) { $0.connectTimeout = .seconds(60) } }
            try await until { server.connections >= 2 }
            connecting.cancel()
            let result = await connecting.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }

    /// Nothing that is sent to a server that does not read piles up: those who send wait.
    @Test func aServerThatReadsNothingHoldsUpThoseWhoSend() async throws {
        let port = try await RedisServer.shared().port
        try await TCPProxy.withProxy(to: port) { proxy in
            let connection = try await redis(on: proxy.port) { $0.responseTimeout = .seconds(60) }
            proxy.set(.stall, .toServer)
            let body = [UInt8](repeating: 65, count: 1 << 20)
            let started = Recorder<Void>()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        started.signal()
                        _ = try? await connection.publish(Message(body), to: "stalled")
                    }
                }
                _ = try? await started.wait(for: 200)
                // The outbox takes 1 MiB, and the socket's buffer one and a bit; the others wait outside.
                try? await until { connection.session.outbox.count >= 190 }
                group.cancelAll()
            }
            #expect(connection.state == .connected)
            await connection.close()
        }
    }

    @Test func aConnectionThatIsDroppedEndsByItself() async throws {
        try await RedisServer.withServer { server in
            for _ in 0..<3 {
                let connection = try await redis(on: server.port)
                _ = try await connection.subscribe(to: "a")
            }
            try await until { try await server.command("CLIENT", "LIST", "TYPE", "pubsub").isEmpty }
            try await until {
                try await server.command("CLIENT", "LIST", "TYPE", "normal").split(separator: "\n").count == 1
            }
        }
    }

    @Test func refusalsAreErrorsAtOnce() async throws {
        var server = IntegrationSupport.RedisOptions()
        server.password = "right"
        try await RedisServer.withServer(server) { server in
            for (password, database) in [(nil, 0), ("wrong", 0), ("right", 16)] as [(String?, Int)] {
                let code = await errorCode {
                    _ = try await redis(on: server.port) { options in
                        options.password = password
                        options.database = database
                    }
                }
                #expect(code == .refused, "\(password ?? "none") \(database)")
            }
        }
    }

    @Test func aCertificateThatDoesNotConvinceIsRefused() async throws {
        var server = IntegrationSupport.RedisOptions()
        server.tls = .server
        try await RedisServer.withServer(server) { server in
            let certificates = try await TestCertificates.shared
            for authority in [certificates.strangeAuthority, certificates.authority] {
                let code = await errorCode {
                    let url = "rediss://localhost:\(server.tlsPort ?? 0)?cafile=\(authority)"
                    try await RedisConnection.withConnection(to: url) { try await $0.publish(Message("x"), to: "a") }
                }
                #expect(code == (authority == certificates.authority ? nil : .refused))
            }
            // A plain port that is spoken to in TLS.
            let code = await errorCode {
                let url = "rediss://127.0.0.1:\(server.port)?cafile=\(certificates.authority)&timeout=2s"
                _ = try await RedisConnection.connect(to: url)
            }
            #expect(code != nil)
        }
    }
}

extension RedisSession {
    /// Does nothing on the loop, as a process that is stopped.
    fileprivate func standStill(seconds: Double) { Thread.sleep(forTimeInterval: seconds) }
}
