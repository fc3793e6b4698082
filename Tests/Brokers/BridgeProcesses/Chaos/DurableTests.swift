import BridgeSupport
import Martlet
import Testing

/// A durable route of topics: also what is published while no bridge runs arrives.
@Suite(.timeLimit(.minutes(10))) struct DurableTests {
    @Test func aDurableRouteOfTopicsLosesNothing() async throws {
        let pair = BrokerPair(from: .amqp, to: .redis)
        try await Ends.with(pair) { ends in
            let (topic, name) = (TopicName("\(ends.here).numbers"), "bridge\(ends.here)")
            let jobs = try await ends.b.consume(from: QueueName(ends.there), options: ConsumeOptions(prefetch: 1_000))
            func bridge() -> Bridge {
                Bridge(from: ends.from, to: ends.to, name: name) {
                    Forward(
                        TopicPattern(topic),
                        toQueue: QueueName(ends.there),
                        options: RouteOptions(guarantee: .atLeastOnce, isDurable: true)
                    )
                }
            }
            // Only what is published after the first bridge has begun is kept.
            try await bridge().whileRunning(readyWithin: .seconds(60)) {}
            try await ends.a.publishNumbers(0..<5_000, to: topic)
            let arrived = try await bridge().whileRunning(readyWithin: .seconds(60)) {
                var arrived = Numbered()
                while arrived.count < 5_000, let job = try await jobs.next() {
                    arrived.add(job.message.text)
                    try job.ack()
                }
                return arrived
            }
            #expect(arrived.count == 5_000)
            #expect(arrived.duplicates == 0 && arrived.late == 0)
        }
    }
}
