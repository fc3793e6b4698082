import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// Sessions that a broker keeps while nobody is there.
@Suite(.timeLimit(.minutes(10))) struct SessionTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)
    private static let guaranteed = SubscribeOptions(guarantee: .atLeastOnce)

    private func options(_ port: Int, _ version: MQTTVersion, _ name: String) -> MQTTOptions {
        .local(port, version, name: "\(name)-\(version.rawValue)") { $0.session = .persistent(expiry: .seconds(600)) }
    }

    /// Another process, another day: what came meanwhile waits for those who subscribe to it again.
    @Test(arguments: MQTTVersion.allCases)
    func whatWasPublishedWhileNobodyWasThereArrives(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "absent-\(version.rawValue.first ?? "x")"
        // Who holds the subscription until the connection is closed has not left it; otherwise it would end at the broker.
        let held = try await MQTTConnection.withConnection(options(server.port, version, "absent")) { connection in
            let subscription = try await connection.subscribe(to: TopicPattern("\(base).b"), options: Self.guaranteed)
            try await connection.publish(Message("before"), to: TopicName("\(base).b"), options: Self.promise)
            #expect(try await subscription.next()?.message.text == "before")
            return subscription
        }
        #expect(try await held.next()?.message == nil)
        try await MQTTConnection.withConnection(.local(server.port, version)) { publisher in
            for number in 0..<50 {
                try await publisher.publish(Message("b\(number)"), to: TopicName("\(base).b"), options: Self.promise)
            }
        }
        try await MQTTConnection.withConnection(options(server.port, version, "absent")) { connection in
            let other = try await connection.subscribe(to: TopicPattern("\(base).b"), options: Self.guaranteed)
            for number in 0..<50 { #expect(try await other.next()?.message.text == "b\(number)") }
            try await connection.publish(Message("after"), to: TopicName("\(base).b"), options: Self.promise)
            #expect(try await other.next()?.message.text == "after")
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func whatIsPublishedWhileTheLinkIsLostArrives(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("lost-\(version.rawValue.first ?? "x")")
        try await TCPProxy.withProxy(to: server.port) { proxy in
            try await MQTTConnection.withConnection(options(proxy.port, version, "lost")) { connection in
                let subscription = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
                for round in 0..<3 {
                    try await proxy.refuseConnections()
                    try await proxy.cut()
                    try await until { connection.state == .disconnected }
                    try await MQTTConnection.withConnection(.local(server.port, version)) { publisher in
                        for number in 0..<30 {
                            try await publisher.publish(Message("\(round) \(number)"), to: topic, options: Self.promise)
                        }
                    }
                    try await proxy.acceptConnections()
                    // Some may come again: the acknowledgement of those before may have been lost with the link.
                    var missing = Set((0..<30).map { "\(round) \($0)" })
                    while !missing.isEmpty { missing.remove(try await subscription.next()?.message.text ?? "?") }
                }
            }
        }
    }

    /// Without a session the subscriptions are asked for anew.
    @Test(arguments: MQTTVersion.allCases)
    func aCleanSessionsSubscriptionsComeBackWithTheLink(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "clean-\(version.rawValue.first ?? "x")"
        try await TCPProxy.withProxy(to: server.port) { proxy in
            try await MQTTConnection.withConnection(.local(proxy.port, version)) { connection in
                let one = try await connection.subscribe(to: TopicPattern("\(base).one"))
                let any = try await connection.subscribe(to: TopicPattern("\(base).*"))
                let queue = try await connection.consume(from: QueueName("\(base)-queue"))
                let left = try await connection.subscribe(to: TopicPattern("\(base).left"))
                left.finish()
                for round in 0..<3 {
                    try await proxy.cut()
                    try await until { proxy.counts.connections == round + 2 && connection.state == .connected }
                    try await connection.publish(
                        Message("\(round)"),
                        to: TopicName("\(base).one"),
                        options: Self.promise
                    )
                    #expect(try await one.next()?.message.text == "\(round)")
                    #expect(try await any.next()?.message.text == "\(round)")
                    try await connection.send(Message("job \(round)"), to: QueueName("\(base)-queue"))
                    let job = try await queue.next()
                    #expect(job?.message.text == "job \(round)")
                    try job?.ack()
                    #expect(any.nextIfReady()?.message == nil)
                }
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func consumersOnTwoConnectionsShareAQueue(_ version: MQTTVersion)
        async throws
    {
        let server = try await MosquittoServer.shared()
        let queue = QueueName("shared-\(version.rawValue.first ?? "x")")
        try await MQTTConnection.withConnection(.local(server.port, version)) { first in
            try await MQTTConnection.withConnection(.local(server.port, version)) { second in
                let counts = Shared([String: Int]())
                try await withThrowingTaskGroup(of: Int.self) { group in
                    var consumers: [Subscription] = []
                    for connection in [first, first, second] {
                        let consumer = try await connection.consume(from: queue)
                        consumers.append(consumer)
                        group.addTask {
                            var count = 0
                            for try await delivery in consumer {
                                let text = delivery.message.text ?? "?"
                                counts.withLock { $0[text, default: 0] += 1 }
                                count += 1
                                try delivery.ack()
                            }
                            return count
                        }
                    }
                    for number in 0..<300 { try await second.send(Message("\(number)"), to: queue) }
                    try await until { counts.value.count == 300 }
                    for consumer in consumers { consumer.finish() }
                    var shares: [Int] = []
                    for try await share in group { shares.append(share) }
                    #expect(shares.reduce(0, +) == 300)
                    #expect(shares.allSatisfy { $0 > 0 })
                }
                #expect(counts.value.values.allSatisfy { $0 == 1 })
            }
        }
    }
}
