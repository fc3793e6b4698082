import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// A subscriber that, for each message, asks something of the broker on the connection that the messages come by. The
/// answer comes behind messages for which there is no room.
@Suite(.timeLimit(.minutes(10))) struct BusyReaderTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)
    private let messages = 3_000

    /// Floods a topic, from another connection, and runs `body` with a subscription to it that has hardly any room.
    private func withFlood(
        _ version: MQTTVersion,
        _ topic: TopicName,
        guarantee: Guarantee,
        count: Int,
        _ body: (MQTTConnection, Subscription) async throws -> Void
    ) async throws {
        let server = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(.local(server.port, version)) { subscriber in
            let subscription = try await subscriber.subscribe(
                to: TopicPattern(topic),
                options: SubscribeOptions(limit: 2, guarantee: guarantee)
            )
            try await MQTTConnection.withConnection(.local(server.port, version)) { publisher in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 0..<count {
                            try await publisher.publish(
                                Message("\(number)"),
                                to: topic,
                                options: PublishOptions(guarantee: guarantee)
                            )
                        }
                    }
                    try await body(subscriber, subscription)
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases, [Guarantee.atMostOnce, .atLeastOnce])
    func itPublishesForEachMessage(_ version: MQTTVersion, _ guarantee: Guarantee) async throws {
        try await withFlood(
            version,
            TopicName("echo.\(version == .v5)-\(guarantee)"),
            guarantee: guarantee,
            count: messages
        ) {
            connection,
            subscription in
            for number in 0..<messages {
                #expect(try await subscription.next()?.message.text == "\(number)")
                try await connection.publish(Message("got"), to: "echoes", options: Self.promise)
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func itCallsForEachMessage(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let rpc = RPC<Int, Int>(QueueName("busy.double-\(version == .v5)"))
        try await MQTTConnection.withConnection(.local(server.port, version)) { service in
            try await withThrowingTaskGroup(of: Void.self) { group in
                let requests = try await service.consume(from: rpc.name)
                group.addTask {
                    for try await request in requests {
                        let address = try #require(request.message.headers.replyTo)
                        var reply = Message(request.message.body)
                        reply.headers.correlationID = request.message.headers.correlationID
                        try await service.reply(reply, to: address)
                        try request.ack()
                    }
                }
                try await withFlood(
                    version,
                    TopicName("calls.\(version == .v5)"),
                    guarantee: .atMostOnce,
                    count: messages
                ) {
                    connection,
                    subscription in
                    for number in 0..<messages {
                        _ = try await subscription.next()
                        guard number % 10 == 0 else { continue }
                        let answer = try await connection.call(rpc, number, timeout: .seconds(100))
                        #expect(answer == number)
                    }
                }
                requests.finish()
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func itSubscribesForEachMessage(_ version: MQTTVersion) async throws {
        try await withFlood(version, TopicName("subscribes.\(version == .v5)"), guarantee: .atMostOnce, count: messages)
        {
            connection,
            subscription in
            for number in 0..<messages {
                _ = try await subscription.next()
                guard number % 10 == 0 else { continue }
                let other = try await connection.subscribe(to: TopicPattern("other.*.\(number)"))
                other.finish()
            }
        }
    }
}
