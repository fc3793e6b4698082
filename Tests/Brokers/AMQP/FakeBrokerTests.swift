import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// Brokers that say what RabbitMQ does not.
@Suite(.timeLimit(.minutes(10))) struct FakeBrokerTests {
    private static let flow: UInt32 = 0x0014_0014

    /// While the broker wants no content on a channel none is sent on it: publishers wait, with a guarantee and without one,
    /// and all arrives in order afterwards.
    @Test(arguments: [Guarantee.atMostOnce, .atLeastOnce])
    func aChannelThatTheBrokerStopsCarriesNoContent(_ guarantee: Guarantee) async throws {
        let published = Recorder<UInt16>()
        let flow = Recorder<[UInt8]>()
        let go = Recorder<Bool>()
        try await FakeBroker.withBroker { peer, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var confirmed = 0
                    try await peer.behave { frame in
                        // basic.publish, and channel.flow-ok
                        if frame.method == 0x003C_0028 {
                            published.record(frame.channel)
                            guard guarantee > .atMostOnce else { return }
                            confirmed += 1
                            try await peer.send(
                                FakePeer.method(
                                    frame.channel,
                                    60,
                                    80,
                                    FakePeer.long(0) + FakePeer.long(confirmed) + [0]
                                )
                            )
                        }
                        if frame.method == 0x0014_0015 { flow.record(frame.arguments) }
                    }
                }
                for number in 1...2 {
                    let isActive = try await go.wait(for: number)[number - 1]
                    let channel = published.values[0]
                    try await peer.send(FakePeer.method(channel, 20, 20, [isActive ? 1 : 0]))
                }
                try await group.waitForAll()
            }
        } _: { fake in
            try await withAMQP(port: fake.port) { broker in
                let options = PublishOptions(guarantee: guarantee)
                try await broker.publish(Message("first"), to: "a.b", options: options)
                try await published.wait(for: 1)
                go.record(false)
                try await flow.wait(for: 1)
                #expect(flow.values == [[0]])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<20 {
                        group.addTask { try await broker.publish(Message("\(number)"), to: "a.b", options: options) }
                    }
                    try await until {
                        let held = await broker.session.holdings
                        return held.waiting == 20
                    }
                    #expect(published.values.count == 1)
                    go.record(true)
                    try await published.wait(for: 21)
                    try await group.waitForAll()
                }
                #expect(flow.values == [[0], [1]])
            }
        }
    }

    /// The silence of a time in which this process did not run says nothing of the broker.
    @Test func aProcessThatStoodStillTakesNobodyForDead() async throws {
        let links = Recorder<Int>()
        let heartbeats = Recorder<Void>()
        try await FakeBroker.withBroker(heartbeat: 1) { peer, number in
            links.record(number)
            try await peer.behave { frame in
                guard frame.kind == 8 else { return }
                heartbeats.record(())
                try await peer.send(FakePeer.frame(8, 0, []))
            }
        } _: { fake in
            try await withAMQP(port: fake.port, { $0.heartbeat = .seconds(1) }) { broker in
                try await heartbeats.wait(for: 1)
                await broker.session.standStill(seconds: 4)
                try await heartbeats.wait(for: heartbeats.values.count + 3)
                #expect(links.values == [0])
                #expect(broker.statistics.linkFailures == 0)
            }
        }
    }

    /// What nobody waits for is bounded as well.
    @Test func aStoppedChannelSuspendsThosePublishersWhoWaitForNothing() async throws {
        let published = Recorder<UInt16>()
        let flow = Recorder<Void>()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.behave { frame in
                if frame.method == 0x003C_0028 {
                    published.record(frame.channel)
                    try await peer.send(FakePeer.method(frame.channel, 20, 20, [0]))
                }
                if frame.method == 0x0014_0015 { flow.signal() }
            }
        } _: { fake in
            try await withAMQP(port: fake.port) { broker in
                try await broker.publish(Message("first"), to: "a.b")
                try await flow.wait(for: 1)
                let sent = Recorder<Void>()
                let flood = Task {
                    while !Task.isCancelled {
                        try await broker.publish(Message([UInt8](repeating: 0, count: 1_000)), to: "a.b")
                        sent.signal()
                    }
                }
                var last = -1
                while sent.values.count != last || last < 1_000 {
                    last = sent.values.count
                    try await Task.sleep(for: .milliseconds(300))
                }
                // What waits for the channel, and what the outbox holds.
                #expect(last <= 4 * 1_024)
                #expect(published.values.count == 1)
                flood.cancel()
                _ = await flood.result
            }
        }
    }

    /// Deliveries without end, though the consumer may hold four.
    @Test(arguments: [true, false])
    func aBrokerThatIgnoresThePrefetchLosesTheLink(_ isQueue: Bool) async throws {
        let delivered = Recorder<Int>()
        try await FakeBroker.withBroker { peer, number in
            // One link is enough.
            guard number == 0 else { return }
            try await peer.behave { frame in
                guard frame.method == 0x003C_0014 else { return }
                for tag in 1...100_000 {
                    let bytes = FakePeer.delivery(
                        frame.channel,
                        consumer: FakePeer.consumer(frame),
                        tag: tag,
                        [UInt8](repeating: 1, count: 1_000)
                    )
                    try await peer.send(bytes)
                    delivered.record(tag)
                }
            }
        } _: { fake in
            try await withAMQP(port: fake.port) { broker in
                let subscription =
                    isQueue
                    ? try await broker.consume(from: "jobs", options: ConsumeOptions(prefetch: 4))
                    : try await broker.subscribe(to: "a.b", options: SubscribeOptions(limit: 4))
                for await state in broker.states() where state == .disconnected { break }
                let reason = broker.statistics.lastLinkFailure ?? ""
                #expect(reason.contains("prefetch"), "\(reason)")
                #expect(subscription.waiting <= 12)
            }
        }
    }

    @Test func changesOfTheBrokersMindAreLoggedOnceAMinute() async throws {
        let log = LogRecorder()
        let over = Recorder<Void>()
        try await FakeBroker.withBroker { peer, _ in
            for _ in 0..<2_000 {
                try await peer.send(FakePeer.method(0, 10, 60, FakePeer.text("no memory")) + FakePeer.method(0, 10, 61))
            }
            try await peer.send(FakePeer.method(0, 10, 60, FakePeer.text("at last")))
            try await peer.behave()
        } _: { fake in
            try await withAMQP(port: fake.port, { $0.connection.logger = log.logger }) { broker in
                try await until { broker.blockedReason == "at last" }
                over.signal()
            }
        }
        let lines = log.lines.filter { $0.contains("publishes") }
        #expect(lines.count == 2, "\(lines.count)")
    }

    /// A broker gives its reason and goes, while the client still has much to write to it: the system refuses that before
    /// the reason is read.
    @Test func theReasonIsReadThoughNothingCanBeWritten() async throws {
        let publishing = Recorder<Void>()
        let go = Recorder<Void>()
        try await FakeBroker.withBroker { peer, number in
            guard number == 0 else { return try await peer.behave() }
            while true {
                let frame = try await peer.receive()
                try await peer.answer(frame)
                // basic.publish
                if frame.method == 0x003C_0028 { break }
            }
            publishing.signal()
            try await go.wait(for: 1)
            let reason = FakePeer.word(320) + FakePeer.text("CONNECTION_FORCED - this node goes") + FakePeer.long(0)
            // connection.close; what was not read makes the end a reset.
            try await peer.send(FakePeer.method(0, 10, 50, reason))
        } _: { fake in
            try await withAMQP(port: fake.port) { broker in
                try await broker.publish(Message([UInt8](repeating: 7, count: 16 << 20)), to: "a")
                try await publishing.wait(for: 1)
                // By then the sockets hold all that they can.
                try await Task.sleep(for: .milliseconds(300))
                async let still: Void = broker.session.standStill(seconds: 1)
                try await Task.sleep(for: .milliseconds(300))
                go.signal()
                await still
                try await until { broker.statistics.linkFailures > 0 }
                let failure = broker.statistics.lastLinkFailure ?? "none"
                #expect(failure.contains("CONNECTION_FORCED - this node goes, code 320"), "\(failure)")
            }
        }
    }

    /// What is larger than the options allow is read to its end, and nothing else.
    @Test func whatOnlyClientsSendEndsTheLink() async throws {
        try await FakeBroker.withBroker { peer, number in
            guard number == 0 else { return }
            try await peer.behave { frame in
                guard frame.method == 0x0014_000A else { return }
                // queue.declare
                try await peer.send(FakePeer.method(frame.channel, 50, 10, [0, 0, 1, 97, 0] + FakePeer.long(0)))
            }
        } _: { fake in
            try await withAMQP(port: fake.port) { broker in
                _ = try? await broker.declare(AMQPQueue("x"))
                try await until { broker.statistics.lastLinkFailure?.contains("50.10 is not for clients") == true }
            }
        }
    }
}

extension AMQPSession {
    /// Does nothing on the loop, as a process that is stopped.
    fileprivate func standStill(seconds: Double) { Thread.sleep(forTimeInterval: seconds) }
}
