import IntegrationSupport
import Martlet
import MartletRedis
import Testing

/// Names as Redis has them.
@Suite(.timeLimit(.minutes(10))) struct NameTests {
    /// Channels as foreign peers write them.
    private static let channels = [
        "", "*", "#", "a.*", "a..b", "a.", ".", "a b", "a+b", "a/b", "%2A", "%2E", "[ab]", "a?", "\\", "caf\u{E9}",
        "cafe\u{301}", "a.b",
    ]

    @Test(arguments: [
        "#", "a.#", "*", "a.*", "%252A", "%2A", "%252A.#", "%2E", "caf\u{E9}", "cafe\u{301}.#", "", "*.*", "[ab]",
    ])
    func whatComesIsWhatThePatternMatches(pattern: String) async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port) { redis in
                let pattern = TopicPattern(pattern)
                let subscription = try await redis.subscribe(to: pattern)
                for channel in Self.channels {
                    try await redis.command("PUBLISH", RedisArgument(channel), RedisArgument(channel))
                }
                // No glob of Redis matches the empty channel.
                let expected = Self.channels.filter { channel in
                    (!channel.isEmpty || !pattern.hasWildcards)
                        && (TopicName(channel, in: .dotted).map(pattern.matches) ?? false)
                }
                var topics: [TopicName] = []
                for channel in expected {
                    let delivery = try #require(try await subscription.next())
                    #expect(delivery.message.text?.hasSameBytes(as: channel) == true, "\(delivery) for \(channel)")
                    topics.append(delivery.topic)
                }
                // By the name under which it came it goes where it came from.
                for topic in topics { try await redis.publish(Message(topic.text), to: topic) }
                for topic in topics {
                    let delivery = try #require(try await subscription.next())
                    #expect(delivery.message.text?.hasSameBytes(as: topic.text) == true)
                    #expect(delivery.topic == topic)
                }
            }
        }
    }

    @Test func whatHasNoNameIsCountedAndSkipped() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port) { redis in
                let subscription = try await redis.subscribe(to: "#")
                try await redis.command("PUBLISH", RedisArgument([0x61, 0xFF]), "x")
                try await redis.command("PUBLISH", RedisArgument(String(repeating: ".", count: 300)), "x")
                try await redis.publish(Message("named"), to: "a")
                #expect(try await subscription.next()?.message.text == "named")
                #expect(redis.statistics.undecodable == 2)
            }
        }
    }

    @Test func groupsAreNotThere() async throws {
        let port = try await RedisServer.shared().port
        try await withRedis(on: port) { redis in
            let error = await #expect(throws: MessagingError.self) {
                _ = try await redis.subscribe(to: "a", options: SubscribeOptions(group: "workers"))
            }
            #expect(error?.code == .unsupported)
        }
    }
}
