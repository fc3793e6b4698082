import Martlet
import MartletTesting
import Testing

/// A link that is lost long before that is noticed.
@Suite(.timeLimit(.minutes(5))) struct SilentLinkTests {
    private static let faults = Faults(halfOpen: 1, maximumOutage: .milliseconds(5))

    private func faultyConnection(to broker: MemoryBroker) async throws -> FaultyConnection {
        try FaultyConnection(wrapping: try await broker.connect(name: "faulty"), seed: 1, faults: Self.faults)
    }

    @Test func whatIsSentIsLostUnlessItIsGuaranteed() async throws {
        let broker = MemoryBroker()
        let reader = try await broker.connect(name: "reader")
        let faulty = try await faultyConnection(to: broker)
        let subscription = try await reader.subscribe(to: "x")
        try await faulty.publish(Message("lost"), to: "x")
        try await faulty.publish(Message("kept"), to: "x", options: PublishOptions(guarantee: .atLeastOnce))
        #expect(try await subscription.next()?.message.text == "kept")
        #expect(faulty.faultStatistics.silences >= 1)
        #expect(faulty.faultStatistics.dropped == 1)
        await faulty.close()
    }

    @Test func whatIsSettledComesAgain() async throws {
        let broker = MemoryBroker()
        let sender = try await broker.connect(name: "sender")
        let faulty = try await faultyConnection(to: broker)
        let jobs = try await faulty.consume(from: "jobs")
        try await sender.send(Message("job"), to: "jobs")
        let first = try #require(try await jobs.next())
        try await faulty.publish(Message("the link falls silent"), to: "x")
        // Nobody can tell yet that the broker does not hear it.
        try first.ack()
        let second = try #require(try await jobs.next())
        #expect(second.message.text == "job")
        #expect(second.redeliveries == 1)
        try second.ack()
        #expect(broker.presence.queues.allSatisfy { $0.waiting + $0.unsettled == 0 })
        await faulty.close()
    }
}
