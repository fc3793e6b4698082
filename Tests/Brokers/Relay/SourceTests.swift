import BridgeSupport
import IntegrationSupport
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import MartletRelay

/// A source of numbers, whose readings end after some of them.
private final class Numbers: Source {
    private struct State {
        var positions: [String?] = []
        var failures: [any Error] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let last: Int
    private let run: Int
    private let ends: Bool

    /// - Parameters:
    ///   - run: how many come before the source fails; 0: all.
    ///   - ends: whether the last one is the end.
    init(to last: Int, run: Int = 0, ends: Bool = true, failing failures: [any Error] = []) {
        self.last = last
        self.run = run
        self.ends = ends
        state.withLock { $0.failures = failures }
    }

    var positions: [String?] { state.withLock { $0.positions } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func items(from position: String?) async throws -> AsyncThrowingStream<SourceItem, any Error> {
        try state.withLock { state in
            state.positions.append(position)
            if !state.failures.isEmpty { throw state.failures.removeFirst() }
        }
        let (last, run, ends) = (last, run, ends)
        let next = Mutex((position.flatMap { Int($0) } ?? 0) + 1)
        let first = next.withLock { $0 }
        return AsyncThrowingStream {
            let number = next.withLock { number in
                defer { number += 1 }
                return number
            }
            if number > last, !ends { try await Task.sleep(for: .seconds(600)) }
            if number > last { return nil }
            if run > 0, number >= first + run { throw Broken() }
            let topic: TopicName = number.isMultiple(of: 2) ? "numbers.even" : "numbers.odd"
            return SourceItem(topic: topic, message: Message("\(number)"), position: "\(number)")
        }
    }

    func close() async { state.withLock { $0.isClosed = true } }
}

private struct Broken: Error {}

/// Numbers that are acknowledged: the second at the second attempt, the third never, the fourth when it is released.
private final class Acknowledged: Source {
    private struct State {
        var told: [String] = []
        var hasFailed = false
        var hold: Promise<Void>? = Promise<Void>()
        var isHeld = false
    }

    private let state = Mutex(State())

    var acknowledgesItems: Bool { true }
    var told: [String] { state.withLock { $0.told } }
    var isHeld: Bool { state.withLock { $0.isHeld } }

    func release() { state.withLock { $0.hold }?.end(.success(())) }

    func items(from position: String?) async throws -> AsyncThrowingStream<SourceItem, any Error> {
        let first = (position.flatMap { Int($0) } ?? 0) + 1
        return AsyncThrowingStream { continuation in
            for number in first...first + 20 {
                let item = SourceItem(topic: "numbers", message: Message("\(number)"), position: "\(number)")
                continuation.yield(item)
            }
        }
    }

    func acknowledge(_ item: SourceItem) async throws {
        let text = item.message.text ?? ""
        let hold: Promise<Void>? = try state.withLock { state in
            if text == "2", !state.hasFailed {
                state.hasFailed = true
                throw Broken()
            }
            if text == "3" {
                state.told.append("3 failed")
                throw MessagingError(.refused, "not this one", isRetriable: false)
            }
            guard text == "4" else { return nil }
            state.isHeld = true
            return state.hold
        }
        try await hold?.value()
        state.withLock { $0.told.append(text) }
    }
}

@Suite(.timeLimit(.minutes(10))) struct SourceTests {
    private func options(_ file: String? = nil) -> SourceOptions {
        SourceOptions(
            positionFile: file,
            retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5), attempts: 50)
        )
    }

    private func texts(_ subscription: Subscription) async throws -> [String] {
        var texts: [String] = []
        for try await delivery in subscription { texts.append(delivery.message.text ?? "") }
        return texts
    }

    @Test func itsMessagesComeInOrderThoughItFails() async throws {
        let source = Numbers(to: 1_000, run: 7)
        let connection = SourceConnection(source, options: options())
        #expect(try await texts(connection.subscribe(to: "#")) == (1...1_000).map { "\($0)" })
        #expect(source.positions.first == .some(nil))
        #expect(source.positions.dropFirst().map { $0 ?? "" } == (1...142).map { "\($0 * 7)" })
        #expect(connection.statistics.linkFailures == 142)
        await connection.close()
        #expect(source.isClosed)
    }

    @Test func aSubscriptionChooses() async throws {
        let connection = SourceConnection(Numbers(to: 10), options: options())
        let even = try await connection.subscribe(to: "numbers.even")
        #expect(try await texts(even) == ["2", "4", "6", "8", "10"])
        await connection.close()
    }

    @Test func whatTimeDoesNotMendEndsIt() async throws {
        let source = Numbers(to: 5, failing: [MessagingError(.refused, "no such stream", isRetriable: false)])
        let connection = SourceConnection(source, options: options())
        let subscription = try await connection.subscribe(to: "#")
        #expect(await errorCode { _ = try await texts(subscription) } == .refused)
        await connection.close()
    }

    @Test func attemptsCanBeBounded() async throws {
        var bounded = options()
        bounded.retry.attempts = 2
        let source = Numbers(to: 5, failing: Array(repeating: Broken(), count: 10))
        let connection = SourceConnection(source, options: bounded)
        let subscription = try await connection.subscribe(to: "#")
        #expect(await errorCode { _ = try await texts(subscription) } == .notConnected)
        #expect(source.positions.count == 3)
        await connection.close()
    }

    @Test func itIsAskedAgainWhenItSaysSo() async throws {
        let clock = TestClock()
        let source = Numbers(to: 1, failing: [RetryAfter(.seconds(40), Broken())])
        let connection = SourceConnection(
            source,
            options: options(),
            connection: ConnectionOptions(clock: clock)
        )
        let subscription = try await connection.subscribe(to: "#")
        #expect(connection.state == .disconnected)
        try await clock.waitForSleepers()
        #expect(clock.deadlines.map { clock.now.duration(to: $0) } == [.seconds(40)])
        clock.advance(by: .seconds(40))
        #expect(try await texts(subscription) == ["1"])
        await connection.close()
    }

    /// The position is that behind which something is not yet acknowledged.
    @Test func anotherRunGoesOnWhereThisOneEnded() async throws {
        let file = try TemporaryFolder("source").path("positions.json")
        let durable = SubscribeOptions(durableName: "a")
        var seen: [String] = []
        do {
            let connection = SourceConnection(Numbers(to: 100), options: options(file))
            let subscription = try await connection.subscribe(to: "#", options: durable)
            var held: [Delivery] = []
            for _ in 1...10 { held.append(try #require(try await subscription.next())) }
            // All but the fifth.
            for (index, delivery) in held.enumerated() where index != 4 { try delivery.ack() }
            seen = held.map { $0.message.text ?? "" }
            held = []
            await connection.close()
        }
        #expect(seen == (1...10).map { "\($0)" })
        let source = Numbers(to: 100)
        let connection = SourceConnection(source, options: options(file))
        let subscription = try await connection.subscribe(to: "#", options: durable)
        #expect(source.positions == ["4"])
        #expect(await errorCode { _ = try await connection.subscribe(to: "#", options: durable) } == .refused)
        for number in 5...100 {
            let delivery = try #require(try await subscription.next())
            #expect(delivery.message.text == "\(number)")
            try delivery.ack()
        }
        #expect(try await subscription.next() == nil)
        await connection.close()
        let last = Numbers(to: 100)
        let third = SourceConnection(last, options: options(file))
        #expect(try await third.subscribe(to: "#", options: durable).next() == nil)
        #expect(last.positions == ["100"])
        await third.close()
    }

    @Test func whatIsGivenBackComesAgain() async throws {
        let file = try TemporaryFolder("source").path("positions.json")
        let connection = SourceConnection(Numbers(to: 500), options: options(file))
        let durable = SubscribeOptions(limit: 8, durableName: "a")
        let subscription = try await connection.subscribe(to: "#", options: durable)
        var (first, again): ([String], [String]) = ([], [])
        while first.count + again.count < 1_000 {
            let delivery = try #require(try await subscription.next())
            if delivery.redeliveries == 0 {
                first.append(delivery.message.text ?? "")
                // Said or dropped.
                if first.count.isMultiple(of: 2) { try delivery.nack(requeue: true) }
            } else {
                again.append(delivery.message.text ?? "")
                try delivery.ack()
            }
        }
        #expect(first == (1...500).map { "\($0)" })
        #expect(Set(again) == Set(first))
        await connection.close()
        #expect(try String(decoding: fileBytes(file), as: UTF8.self).contains("\"500\""))
    }

    @Test func noMoreIsHandedOutThanMayBeUnsettled() async throws {
        let file = try TemporaryFolder("source").path("positions.json")
        let connection = SourceConnection(Numbers(to: 100), options: options(file))
        let subscription = try await connection.subscribe(
            to: "#",
            options: SubscribeOptions(limit: 4, durableName: "a")
        )
        var held: [Delivery] = []
        for _ in 0..<4 { held.append(try #require(try await subscription.next())) }
        for _ in 0..<200 { await Task.yield() }
        #expect(subscription.nextIfReady() == nil)
        try held[0].ack()
        #expect(try await subscription.next()?.message.text == "5")
        await connection.close()
    }

    @Test func aSourceTakesNothing() async throws {
        let connection = SourceConnection(Numbers(to: 1))
        #expect(await errorCode { try await connection.publish(Message(), to: "a") } == .unsupported)
        #expect(await errorCode { _ = try await connection.consume(from: "a") } == .unsupported)
        let durable = SubscribeOptions(durableName: "a")
        #expect(await errorCode { _ = try await connection.subscribe(to: "a", options: durable) } == .unsupported)
        await connection.close()
        #expect(await errorCode { _ = try await connection.subscribe(to: "a") } == .connectionClosed)
    }

    /// A source that has an end: the bridge ends in order when all of it has arrived, by way of a store and without.
    @Test(arguments: [true, false]) func aBridgeEndsWithItsSource(_ isStored: Bool) async throws {
        let folder = try TemporaryFolder("source")
        let sink = SinkConnection(FileSink(path: folder.path("log")), options: SinkOptions(interval: .milliseconds(1)))
        let source = SourceConnection(Numbers(to: 2_000), options: options(folder.path("positions.json")))
        let store = isStored ? StoreOptions(folder: folder.path("store")) : nil
        let route = RouteOptions(guarantee: .atLeastOnce, isDurable: true, window: 16, store: store)
        let bridge = Bridge(from: source, to: sink, name: "numbers") { Forward("#", options: route) }
        try await bridge.run()
        let statistics = try #require(bridge.reports.first?.statistics)
        #expect(statistics.forwarded == 2_000)
        #expect(statistics.stored == 0)
        #expect(bridge.health.map(\.state) == [.ended])
        await source.close()
        await sink.close()
        let lines = try String(decoding: fileBytes(folder.path("log")), as: UTF8.self).split(separator: "\n")
        #expect(lines == (1...2_000).map { "\($0)" })
    }

    /// The end of one route is not that of another.
    @Test func aBridgeEndsWithTheLastOfItsRoutes() async throws {
        let folder = try TemporaryFolder("source")
        let sink = SinkConnection(FileSink(path: folder.path("log")), options: SinkOptions(interval: .milliseconds(1)))
        let source = SourceConnection(Numbers(to: 100), options: options())
        let bridge = Bridge(from: source, to: sink, name: "numbers") {
            Forward("numbers.even")
            Forward("numbers.odd")
        }
        try await bridge.run()
        #expect(bridge.reports.map(\.statistics.forwarded) == [50, 50])
        await source.close()
        await sink.close()
    }

    /// One that is closed under the bridge has not come to its end.
    @Test func aBridgeFailsWithAConnectionThatIsClosed() async throws {
        let folder = try TemporaryFolder("source")
        let sink = SinkConnection(FileSink(path: folder.path("log")), options: SinkOptions(interval: .milliseconds(1)))
        let source = SourceConnection(Numbers(to: 10, ends: false), options: options())
        let bridge = Bridge(from: source, to: sink, name: "numbers") { Forward("#") }
        let code = await errorCode {
            try await bridge.whileRunning {
                try await until { bridge.reports.first?.statistics.forwarded == 10 }
                await source.close()
                try await Task.sleep(for: .seconds(600))
            }
        }
        #expect(code == .connectionClosed)
        await sink.close()
    }

    /// Nor has a broker: some subscriptions end while its connection still says goodbye.
    @Test(arguments: BrokerKind.allCases) func aBridgeFailsWithAConnectionToABrokerThatIsClosed(
        _ kind: BrokerKind
    ) async throws {
        let (from, to) = (try await kind.connect(), try await kind.connect())
        let name = "closed\(UInt64.random(in: .min ... .max))"
        let bridge = Bridge(from: from, to: to, name: name) {
            Forward(queue: QueueName(name), toQueue: QueueName(name + "b"))
        }
        let code = await errorCode {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await bridge.run() }
                try await bridge.waitUntilReady(within: .seconds(60))
                await from.close()
                try await group.waitForAll()
            }
        }
        #expect(code == .connectionClosed)
        await to.close()
    }

    /// Positions follow what the source has been told of.
    @Test func aSourceIsToldOfWhatIsDoneWith() async throws {
        let folder = try TemporaryFolder("source")
        let durable = SubscribeOptions(limit: 4, durableName: "a")
        let source = Acknowledged()
        var connection = SourceConnection(source, options: options(folder.path("positions.json")))
        var subscription = try await connection.subscribe(to: "#", options: durable)
        for number in 1...6 {
            let delivery = try #require(try await subscription.next())
            #expect(delivery.message.text == "\(number)")
            try delivery.ack()
        }
        // It has not been told of the third, which time does not mend, nor of the fourth, which it takes long for.
        try await until { source.told == ["1", "2", "3 failed"] && source.isHeld }
        let seventh = try #require(try await subscription.next())
        #expect(seventh.message.text == "7")
        for _ in 0..<200 { await Task.yield() }
        #expect(subscription.nextIfReady() == nil)
        source.release()
        await connection.close()
        #expect(source.told == ["1", "2", "3 failed", "4", "5", "6"])
        connection = SourceConnection(source, options: options(folder.path("positions.json")))
        subscription = try await connection.subscribe(to: "#", options: durable)
        #expect(try await subscription.next()?.message.text == "7")
        await connection.close()
    }

    /// What the broker would keep is forgotten, also if a message is settled after that.
    @Test func whatIsForgottenStaysForgotten() async throws {
        let folder = try TemporaryFolder("source")
        let durable = SubscribeOptions(durableName: "a")
        let connection = SourceConnection(Numbers(to: 10, ends: false), options: options(folder.path("positions.json")))
        let subscription = try await connection.subscribe(to: "#", options: durable)
        let delivery = try #require(try await subscription.next())
        subscription.unsubscribe()
        try delivery.ack()
        await connection.close()
        #expect(try String(decoding: fileBytes(folder.path("positions.json")), as: UTF8.self) == "{}")
    }

    /// From a source to a sink: what the sink has not taken is not behind the position.
    @Test func aBridgeIsARelay() async throws {
        let folder = try TemporaryFolder("source")
        let sink = SinkConnection(FileSink(path: folder.path("log")), options: SinkOptions(interval: .milliseconds(1)))
        let source = SourceConnection(
            Numbers(to: 5_000, run: 97, ends: false),
            options: options(folder.path("positions.json"))
        )
        let route = RouteOptions(guarantee: .atLeastOnce, isDurable: true)
        let bridge = Bridge(from: source, to: sink, name: "numbers") { Forward("#", options: route) }
        #expect(try bridge.plan().first?.guarantee?.description == "at least once")
        try await bridge.whileRunning { try await until { bridge.reports.first?.statistics.forwarded == 5_000 } }
        await source.close()
        await sink.close()
        let lines = try String(decoding: fileBytes(folder.path("log")), as: UTF8.self).split(separator: "\n")
        #expect(lines == (1...5_000).map { "\($0)" })
    }
}
