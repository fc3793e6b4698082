import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// Filters of one connection that match the same topics, at brokers that say by which a message came and at those that don't.
@Suite(.timeLimit(.minutes(10))) struct OverlapTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)

    private func withServer(
        sendsCopies: Bool,
        _ body: (MosquittoServer) async throws -> Void
    ) async throws {
        var options = MosquittoOptions()
        options.extraLines = ["allow_duplicate_messages \(sendsCopies)"]
        try await MosquittoServer.withServer(options, body)
    }

    @Test(arguments: MQTTVersion.allCases, [false, true])
    func eachReaderGetsAMessageOnce(_ version: MQTTVersion, _ sendsCopies: Bool) async throws {
        let filters: [TopicPattern] = ["test.#", "test.*.status", "test.bla.status", "*.bla.*"]
        try await withServer(sendsCopies: sendsCopies) { server in
            for order in [filters, filters.reversed()] {
                for guarantee in [Guarantee.atMostOnce, .atLeastOnce] {
                    try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                        var subscriptions: [Subscription] = []
                        for filter in order {
                            let options = SubscribeOptions(guarantee: guarantee)
                            subscriptions.append(try await connection.subscribe(to: filter, options: options))
                        }
                        for round in 0..<3 {
                            try await connection.publish(
                                Message("\(round)"),
                                to: "test.bla.status",
                                options: Self.promise
                            )
                        }
                        try await connection.publish(Message("end"), to: "test.bla.status", options: Self.promise)
                        for subscription in subscriptions {
                            var texts: [String] = []
                            while texts.last != "end", let delivery = try await subscription.next() {
                                texts.append(delivery.message.text ?? "?")
                            }
                            #expect(texts == ["0", "1", "2", "end"])
                        }
                        // The one that covers the others goes.
                        subscriptions[order == filters ? 0 : 3].unsubscribe()
                        subscriptions.remove(at: order == filters ? 0 : 3)
                        try await connection.publish(Message("last"), to: "test.bla.status", options: Self.promise)
                        for subscription in subscriptions {
                            #expect(try await subscription.next()?.message.text == "last")
                            #expect(subscription.nextIfReady()?.message == nil)
                        }
                    }
                }
            }
        }
    }

    /// The same is published again and again: that is no copy.
    @Test(arguments: MQTTVersion.allCases, [false, true])
    func whatIsPublishedAgainArrivesAgain(_ version: MQTTVersion, _ sendsCopies: Bool) async throws {
        try await withServer(sendsCopies: sendsCopies) { server in
            try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                let first = try await connection.subscribe(to: "again.*")
                let second = try await connection.subscribe(to: "*.x")
                for _ in 0..<20 { try await connection.publish(Message("on"), to: "again.x", options: Self.promise) }
                try await connection.publish(Message("end"), to: "again.x", options: Self.promise)
                for subscription in [first, second] {
                    var count = 0
                    while let text = try await subscription.next()?.message.text, text == "on" { count += 1 }
                    #expect(count == 20)
                }
            }
        }
    }

    private func retain(_ count: Int, _ base: String, _ port: Int) async throws {
        try await MQTTConnection.withConnection(.local(port)) { publisher in
            let options = PublishOptions(guarantee: .atLeastOnce, retain: true)
            for number in 0..<count {
                try await publisher.publish(Message("\(number)"), to: TopicName("\(base).\(number)"), options: options)
            }
            try await publisher.publish(Message("end"), to: TopicName("\(base).end"), options: options)
        }
    }

    private func read(_ subscription: Subscription, _ count: Int) async throws -> [TopicName: Int] {
        var topics: [TopicName: Int] = [:]
        for _ in 0..<count {
            guard let delivery = try await subscription.next() else { break }
            #expect(delivery.isRetained)
            topics[delivery.topic, default: 0] += 1
        }
        return topics
    }

    @Test(arguments: MQTTVersion.allCases, [Guarantee.atMostOnce, .atLeastOnce])
    func twoThatSubscribeAtOnceGetKeptMessagesOnceEach(_ version: MQTTVersion, _ guarantee: Guarantee) async throws {
        try await MosquittoServer.withServer { server in
            try await retain(3_000, "rt", server.port)
            try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                let options = SubscribeOptions(limit: 10_000, guarantee: guarantee)
                async let first = connection.subscribe(to: "rt.#", options: options)
                async let second = connection.subscribe(to: "rt.*", options: options)
                async let third = connection.subscribe(to: "rt.*", options: options)
                let subscriptions = try await [first, second, third]
                for subscription in subscriptions {
                    let topics = try await read(subscription, 3_001)
                    #expect(topics.count == 3_001)
                }
                // Whatever else was on its way has come by then.
                try await connection.publish(Message("new"), to: "rt.new", options: Self.promise)
                for subscription in subscriptions {
                    let delivery = try await subscription.next()
                    #expect(delivery?.message.text == "new")
                    #expect(delivery?.isRetained == false)
                }
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases, [Guarantee.atMostOnce, .atLeastOnce])
    func oneThatSubscribesLaterTakesNothingFromAnother(_ version: MQTTVersion, _ guarantee: Guarantee) async throws {
        try await MosquittoServer.withServer { server in
            try await retain(3_000, "rt", server.port)
            try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                let options = SubscribeOptions(limit: 10_000, guarantee: guarantee)
                let all = try await connection.subscribe(to: "rt.#", options: options)
                let one = try await connection.subscribe(to: "rt.2999", options: options)
                let topics = try await read(all, 3_001)
                #expect(topics.count == 3_001)
                let only = try await read(one, 1)
                #expect(only == ["rt.2999": 1])
                try await connection.publish(Message("new"), to: "rt.2999", options: Self.promise)
                for subscription in [all, one] {
                    let delivery = try await subscription.next()
                    #expect(delivery?.message.text == "new")
                    #expect(delivery?.isRetained == false)
                }
            }
        }
    }
}
