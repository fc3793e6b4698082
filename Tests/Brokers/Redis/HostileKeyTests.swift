import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

/// What anybody may have written into the keys that connections share hurts nobody.
@Suite(.timeLimit(.minutes(5))) struct HostileKeyTests {
    private static let numbers = [
        "-9223372036854775808", "9223372036854775807", "18446744073709551615", "-1", "0", "9223372036854775808",
        "1e308", "nan", "", "x", "2049", "4611686018427387904",
    ]

    /// The last one would match the lists of all, or take the server for ever to find that out.
    @Test func ownersThatAreNoneAreForgotten() async throws {
        try await RedisServer.withServer { server in
            let stars = "rpc-" + String(repeating: "*", count: 32)
            for owner in Self.numbers.map({ "evil\($0)" }) + ["rpc-" + String(repeating: "0", count: 32), stars] {
                try await server.command("ZADD", "{martlet.owners}", "0", owner)
            }
            let live = "{rpc-" + String(repeating: "1", count: 32) + "}-0123456789abcdef"
            try await server.command("RPUSH", live, "reply")
            try await server.command("ZADD", "{martlet.owners}", "-inf", "no list")
            // A name that is no text.
            try await server.command("EVAL", "return redis.call('ZADD', '{martlet.owners}', 0, '\\255\\254')", "0")
            try await withRedis(on: server.port) { options in
                options.lease = .milliseconds(300)
                options.replyExpiry = .milliseconds(100)
            } _: { connection in
                try await until { try await server.command("ZCARD", "{martlet.owners}") == "0" }
                #expect(try await server.command("PTTL", live) == "-1")
                #expect(connection.statistics.undecodable >= Self.numbers.count)
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// Leases of consumers that never were, and what they are said to hold.
    @Test func consumersThatAreNoneAreForgotten() async throws {
        try await RedisServer.withServer { server in
            for name in ["evil", "nothing", "", "{}", "a b"] {
                try await server.command("ZADD", "{q}.leases", "0", name)
            }
            try await server.command("SET", "{q}.held.evil", "no list")
            try await server.command("EVAL", "return redis.call('ZADD', '{q}.leases', 0, '\\255\\254')", "0")
            try await server.command("RPUSH", "{q}.held.nothing", "something")
            let numbers = Self.numbers.prefix(7)
            for (index, number) in numbers.enumerated() {
                let header = #"{"header":{"reply_to":"","timestamp":1,"properties":{"redeliveries":\#(number)}}"#
                try await server.command("RPUSH", "q", header + #","data":"\#(index)"}"#)
            }
            try await withRedis(on: server.port) {
                $0.lease = .milliseconds(300)
            } _: { connection in
                let queue = try await connection.consume(from: "q", options: ConsumeOptions(prefetch: 4))
                let seen = try await twice(numbers.count + 1, from: queue)
                #expect(seen["something"] == 2)
                try await until { try await server.command("ZCARD", "{q}.leases") == "1" }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// Takes each of so many messages twice: it goes back, and is acknowledged when it comes again.
    private func twice(_ count: Int, from queue: Subscription) async throws -> [String: Int] {
        var seen: [String: Int] = [:]
        while seen.count < count || seen.values.contains(1) {
            guard let delivery = try await queue.next() else { break }
            #expect(delivery.redeliveries >= 0)
            let text = delivery.message.text ?? ""
            let number = (seen[text] ?? 0) + 1
            seen[text] = number
            if number == 1 { try delivery.nack(requeue: true) } else { try delivery.ack() }
        }
        return seen
    }

    /// Whose will is gone from the server leaves it again.
    @Test func aWillThatIsGoneIsLeftAgain() async throws {
        try await RedisServer.withServer { server in
            var will = ConnectionOptions()
            will.will = Will(topic: "gone", message: Message("I am gone"), retain: false)
            try await TCPProxy.withProxy(to: server.port) { proxy in
                let dying = try await redis(on: proxy.port, will) { $0.lease = .milliseconds(600) }
                try await server.command("FLUSHALL")
                try await until { try await server.command("HLEN", "{martlet.wills}.contents") == "2" }
                try await withRedis(on: server.port) {
                    $0.lease = .milliseconds(600)
                } _: { heir in
                    let gone = try await heir.subscribe(to: "gone")
                    try await proxy.refuseConnections()
                    try await proxy.cut()
                    #expect(try await gone.next()?.message.text == "I am gone")
                    try await Task.sleep(for: .seconds(1))
                    #expect(gone.nextIfReady() == nil)
                }
                await dying.close()
            }
        }
    }
}
