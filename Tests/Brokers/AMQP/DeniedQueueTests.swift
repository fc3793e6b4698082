import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A broker as RabbitMQ 4.3 is: it permits no queue that is neither durable nor exclusive, and ends the connection of who
/// declares one.
@Suite(.timeLimit(.minutes(10))) struct DeniedQueueTests {
    private static let reason = """
        INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated. By default, this feature is not permitted anymore.
        """

    /// - Parameter body: gets a connection, and what tells the numbers of the links that were opened.
    private func withNewBroker(
        _ configure: (inout AMQPOptions) -> Void = { _ in },
        _ body: (AMQPConnection, Recorder<Int>) async throws -> Void
    ) async throws {
        let links = Recorder<Int>()
        try await FakeBroker.withBroker { peer, number in
            links.record(number)
            while true {
                let frame = try await peer.receive()
                guard frame.declaresTransientQueue else {
                    try await peer.answer(frame)
                    continue
                }
                let close = FakePeer.word(541) + FakePeer.text(Self.reason) + FakePeer.word(50) + FakePeer.word(10)
                try await peer.send(FakePeer.method(0, 10, 50, close))
                // What the client still says goes unheard, or it would not hear the reason.
                while true { _ = try await peer.receive() }
            }
        } _: { fake in
            try await withAMQP(port: fake.port, configure) { try await body($0, links) }
        }
    }

    @Test func whatMartletDeclaresForItselfIsPermitted() async throws {
        try await withNewBroker {
            $0.connection.will = Will(topic: "will", message: Message("gone"), retain: false)
        } _: { broker, links in
            let requests = try await broker.consumeRequests(from: "service", options: ConsumeOptions())
            let shared = try await broker.subscribe(to: "a.b", options: SubscribeOptions(group: "group"))
            let sure = SubscribeOptions(guarantee: .atLeastOnce)
            let lasting = try await broker.subscribe(to: "a.b", options: sure)
            let own = try await broker.subscribe(to: "a.b")
            let willQueue = await broker.session.willQueue
            #expect(!willQueue.isEmpty)
            #expect(requests.waiting + shared.waiting + lasting.waiting + own.waiting == 0)
            #expect(links.values == [0])
            #expect(broker.statistics.linkFailures == 0)
        }
    }

    /// What an option wants that the broker denies fails with the broker's reason, rather than cost one link after the other.
    @Test func whatIsDeniedIsNotTriedAgain() async throws {
        try await withNewBroker {
            $0.queuesAreDurable = false
        } _: { broker, links in
            let ways: [() async throws -> Void] = [
                { _ = try await broker.consume(from: "jobs") }, { try await broker.send(Message("job"), to: "jobs") },
            ]
            for (number, way) in ways.enumerated() {
                let error = await #expect(throws: MessagingError.self) { try await way() }
                #expect(error?.amqpReplyCode == 541)
                #expect(error?.message.contains("transient_nonexcl_queues") == true, "\(error?.message ?? "")")
                try await broker.runtime.waitUntilConnected(within: .seconds(30))
                #expect(links.values.count <= number + 2)
            }
        }
    }

    /// Responders of before have declared their queue otherwise. All serve it together.
    @Test func aResponderSharesTheQueueOfAnOlderOne() async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { older in
            try await withAMQP(port: port) { newer in
                let name = unique("service")
                try await older.declare(AMQPQueue(name, isDurable: false, isAutoDeleted: true))
                var all = [
                    try await older.consumeRequests(from: QueueName(name), options: ConsumeOptions()),
                    try await newer.consumeRequests(from: QueueName(name), options: ConsumeOptions()),
                ]
                #expect(try await older.declare(AMQPQueue(name), passive: true).consumers == all.count)
                all.removeAll()
                // It goes with the last one.
                try await until { await replyCode { try await older.declare(AMQPQueue(name), passive: true) } == 404 }
            }
        }
    }
}

extension FakePeer.Frame {
    /// Whether it declares a queue that is neither durable nor exclusive.
    fileprivate var declaresTransientQueue: Bool {
        guard method == 0x0032_000A else { return false }
        let flags = arguments.dropFirst(3 + Int(arguments[2])).first ?? 0
        // Passive, durable, exclusive.
        return flags & 0b111 == 0
    }
}
