import Logging
import Martlet
import MartletTesting

/// Two embedded brokers, a bridge's connection to each, and somebody at each.
struct BridgeFixture {
    let brokerA = MemoryBroker()
    let brokerB = MemoryBroker()
    /// The bridge's connections.
    let from: MemoryConnection
    let to: MemoryConnection
    /// Those who use the brokers.
    let a: MemoryConnection
    let b: MemoryConnection
    let logs = LogRecorder()

    /// - Parameter clock: what the bridge goes by.
    init(clock: any Clock<Duration> = ContinuousClock()) async throws {
        let logs = logs
        from = try await brokerA.connect(
            options: ConnectionOptions(name: "from", logger: Logger(label: "test") { _ in logs }, clock: clock)
        )
        to = try await brokerB.connect(name: "to")
        a = try await brokerA.connect(name: "a")
        b = try await brokerB.connect(name: "b")
    }

    func bridge(
        _ name: String = "bridge",
        options: BridgeOptions = BridgeOptions(),
        @RouteBuilder routes: () -> [any Route]
    ) -> Bridge {
        Bridge(from: from, to: to, name: name, options: options, routes: routes)
    }
}

extension Connection {
    /// Publishes texts to a topic.
    func publish(_ texts: String..., to topic: TopicName, options: PublishOptions = PublishOptions()) async throws {
        for text in texts { try await publish(Message(text), to: topic, options: options) }
    }
}

extension Subscription {
    /// The texts of so many deliveries, which are acknowledged.
    func texts(_ count: Int) async throws -> [String] {
        var texts: [String] = []
        while texts.count < count, let delivery = try await next() {
            texts.append(delivery.message.text ?? "?")
            try delivery.ack()
        }
        return texts
    }
}

extension MemoryConnection {
    /// What the broker keeps for a topic.
    func kept(_ topic: TopicName) async throws -> String? {
        let subscription = try await subscribe(to: TopicPattern(topic))
        return subscription.nextIfReady()?.message.text
    }
}

extension MemoryBroker {
    /// Whether nothing of a queue waits or is unsettled.
    func isDone(with name: QueueName) -> Bool {
        queue(name).map { $0.waiting == 0 && $0.unsettled == 0 } ?? true
    }
}
