import DequeModule
import MartletTesting
import Testing

@testable import Martlet

/// What is kept for a peer is bounded in bytes, not in number alone.
@Suite(.timeLimit(.minutes(10))) struct WaitingBytesTests {
    private func buffer(_ overflow: Overflow, limit: Int = 100) -> MailboxBuffer<Int> {
        MailboxBuffer(limit: limit, overflow: overflow, weight: MailboxWeight(limit: 10) { $0 })
    }

    private func drain(_ buffer: inout MailboxBuffer<Int>) -> [Int] {
        var all: [Int] = []
        while let next = buffer.popFirst() { all.append(next) }
        #expect(buffer.weighed == 0)
        return all
    }

    @Test func suspendIsFullByWeight() {
        var buffer = buffer(.suspend)
        #expect(buffer.admit(4, topic: "t") == .admitted)
        #expect(buffer.admit(5, topic: "t") == .admitted)
        // The last one may be of any weight.
        #expect(buffer.admit(1_000, topic: "t") == .admitted)
        #expect(buffer.admit(0, topic: "t") == .full)
        #expect(drain(&buffer) == [4, 5, 1_000])
        #expect(buffer.admit(1_000, topic: "t") == .admitted)
    }

    @Test func whatDropsMakesRoomByWeight() {
        var oldest = buffer(.dropOldest)
        for value in [4, 4, 4, 4, 20, 1] { _ = oldest.admit(value, topic: "t") }
        #expect(drain(&oldest) == [1])
        #expect(oldest.dropped == 5)
        var newest = buffer(.dropNewest)
        for value in [4, 4, 4, 4] { _ = newest.admit(value, topic: "t") }
        #expect(drain(&newest) == [4, 4, 4])
        #expect(newest.dropped == 1)
        var latest = buffer(.conflate)
        for topic in ["a", "b", "c"] as [TopicName] { _ = latest.admit(1, topic: topic) }
        for topic in ["a", "b", "c"] as [TopicName] { _ = latest.admit(9, topic: topic) }
        #expect(latest.weighed <= 18)
        _ = drain(&latest)
    }

    @Test func aBatchIsWeighedAndPutBack() {
        var buffer = buffer(.suspend)
        var many: Deque<Int> = [6, 6, 6, 6]
        #expect(buffer.fill(from: &many) == 2)
        #expect(many == [6, 6])
        var batch: Deque<Int> = []
        buffer.take(into: &batch)
        #expect(buffer.weighed == 0)
        buffer.putBack(batch)
        #expect(buffer.weighed == 12)
        #expect(!buffer.hasRoom)
        var few: Deque<Int> = [1, 2]
        _ = drain(&buffer)
        #expect(buffer.fill(from: &few) == 2)
        #expect(buffer.weighed == 3)
    }

    /// Publishers wait for a reader by the bytes, and it gets every message.
    @Test func aSlowReaderHoldsNoMoreThanTheConnectionAllows() async throws {
        let broker = MemoryBroker()
        let writer = try await broker.connect(name: "writer")
        let reader = try await broker.connect(
            options: ConnectionOptions(name: "reader", maximumWaitingBytes: 1 << 20)
        )
        let subscription = try await reader.subscribe(to: "big")
        let sent = Shared(0)
        try await withBackground {
            for _ in 0..<100 {
                try await writer.publish(Message([UInt8](repeating: 1, count: 100_000)), to: "big")
                sent.withLock { $0 += 1 }
            }
        } _: {
            await until { subscription.waiting >= 11 }
            for _ in 0..<200 { await Task.yield() }
            #expect(subscription.waiting <= 12, "eleven that wait, and one with its publisher")
            for _ in 0..<100 { _ = try await subscription.next() }
            await until { sent.withLock { $0 } == 100 }
        }
    }

    /// Headers count: a body of one byte may come with a megabyte of them.
    @Test func headersCount() {
        let headers: Headers = ["a": .string(String(repeating: "x", count: 1_000)), "b": .bytes([1, 2, 3]), "c": 7]
        #expect(Message([1], headers: headers).weight >= 1_004)
        #expect(Message([1, 2]).weight == 2)
    }

    @Test func whatASubscriptionFeedHoldsIsBounded() {
        let (subscription, feed) = Subscription.makeSubscription(limit: 100, maximumBytes: 10, onEnd: {})
        let delivery = Delivery(topic: "t", message: Message([1, 2, 3, 4, 5, 6]))
        #expect(feed.offer(delivery) == .taken)
        #expect(feed.offer(delivery) == .taken)
        #expect(feed.offer(delivery) == .full)
        #expect(subscription.waiting == 2)
    }

    @Test func aStreamWhoseElementsAreTooManyBytesEnds() async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(
            options: ConnectionOptions(name: "caller", maximumWaitingBytes: 100_000)
        )
        let server = try await broker.connect(name: "server")
        let rows = StreamingRPC<Int, String>("ops.rows")
        let written = Shared(0)
        try await withBackground {
            try await server.respond(to: rows) { count, writer in
                written.withLock { $0 = 0 }
                for _ in 0..<count {
                    try await writer.write(String(repeating: "x", count: 10_000))
                    written.withLock { $0 += 1 }
                }
            }
        } _: {
            await broker.waitForConsumers(of: "ops.rows")
            var read = 0
            // A reader that keeps up may have any number of them.
            for try await _ in try await caller.stream(rows, 100, window: 4) { read += 1 }
            #expect(read == 100)
            let code = await errorCode {
                var iterator = try await caller.stream(rows, 100, window: 64).makeAsyncIterator()
                // As many as it was allowed, more than the reader may keep.
                await until { written.withLock { $0 == 64 } }
                while try await iterator.next() != nil {}
            }
            #expect(code == .bodyTooLarge)
        }
    }

    @Test func noticesAreBoundedInBytes() async {
        let courier = Courier()
        let gate = Promise<Void>()
        courier.post { try await gate.value() }
        for _ in 0..<100 { courier.post(bytes: 1 << 20) {} }
        #expect((80...84).contains(courier.dropped))
        gate.end(.success(()))
        await courier.stop()
    }

    @Test func whatIsRememberedOfTopicsIsBoundedInBytes() {
        var memory = ChangeMemory(limit: 10_000, maximumBytes: 1_000)
        let body = [UInt8](repeating: 1, count: 100)
        func publish(_ body: [UInt8], _ topic: TopicName) -> UInt64 {
            let number = memory.publishes(body, to: topic, at: .zero)
            memory.arrived(topic, number)
            return number
        }
        for number in 0..<100 { _ = publish(body, TopicName("t.\(number)")) }
        let kept = (0..<100).count { number in
            !memory.isDue(body, for: TopicName("t.\(number)"), at: .zero, filter: .onlyIfChanged(maximumAge: nil))
        }
        #expect(kept == 10)
        _ = publish([UInt8](repeating: 1, count: 5_000), "large")
        let number = publish(body, "small")
        #expect(!memory.isDue(body, for: "small", at: .zero, filter: .onlyIfChanged(maximumAge: nil)))
        memory.forget("small", number)
        for number in 0..<20 { _ = publish(body, TopicName("t.\(number)")) }
        #expect(!memory.isDue(body, for: "t.10", at: .zero, filter: .onlyIfChanged(maximumAge: nil)))
    }

    @Test func manyHeadersAreRefusedAtTheSender() async throws {
        let connection = try await MemoryBroker().connect(options: ConnectionOptions(maximumHeaders: 3))
        var message = Message("x")
        for number in 0..<3 { message.headers["\(number)"] = 1 }
        try await connection.publish(message, to: "t")
        message.headers["one more"] = 1
        let refused = message
        #expect(await errorCode { try await connection.publish(refused, to: "t") } == .invalidArgument)
        #expect(await errorCode { try await connection.send(refused, to: "q") } == .invalidArgument)
        #expect(await errorCode { _ = try await connection.call("q", refused) } == .invalidArgument)
    }
}
