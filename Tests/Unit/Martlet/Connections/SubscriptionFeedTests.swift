import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct SubscriptionFeedTests {
    private static func delivery(_ text: String, settled: Recorder<Disposition>? = nil) -> Delivery {
        guard let settled else { return Delivery(topic: "a.b", message: Message(text)) }
        return Delivery(topic: "a.b", message: Message(text)) { settled.record($0) }
    }

    @Test func takesNoMoreThanItsLimitAndTellsWhenThereIsRoom() async throws {
        let rooms = Recorder<Void>()
        let (subscription, feed) = Subscription.makeSubscription(limit: 2, onRoom: { rooms.signal() }, onEnd: {})
        #expect(feed.offer(Self.delivery("0")) == .taken)
        #expect(feed.offer(Self.delivery("1")) == .taken)
        for _ in 0..<1_000 { #expect(feed.offer(Self.delivery("refused")) == .full) }
        #expect(subscription.waiting == 2)
        #expect(rooms.values.isEmpty)
        #expect(try await subscription.next()?.message.text == "0")
        #expect(rooms.values.count == 1)
        #expect(feed.offer(Self.delivery("2")) == .taken)
        #expect(try await subscription.next()?.message.text == "1")
        #expect(try await subscription.next()?.message.text == "2")
    }

    /// A producer that does as it is told loses nothing, whatever its reader does meanwhile.
    @Test(arguments: [1, 2, 7]) func losesNothingOfAProducerThatWaitsForRoom(_ limit: Int) async throws {
        let room = Recorder<Void>()
        let (subscription, feed) = Subscription.makeSubscription(limit: limit, onRoom: { room.signal() }, onEnd: {})
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<500 {
                    while true {
                        let rooms = room.values.count
                        guard feed.offer(Self.delivery("\(number)")) == .full else { break }
                        try await room.wait(for: rooms + 1)
                    }
                }
                feed.finish()
            }
            var number = 0
            for try await delivery in subscription {
                #expect(delivery.message.text == "\(number)")
                number += 1
            }
            #expect(number == 500)
            try await group.waitForAll()
        }
    }

    @Test func dropsAndCountsAsItsRuleSays() async throws {
        let (subscription, feed) = Subscription.makeSubscription(limit: 2, overflow: .dropOldest, onEnd: {})
        for number in 0..<5 { #expect(feed.offer(Self.delivery("\(number)")) == .taken) }
        #expect(subscription.dropped == 3)
        #expect(try await subscription.next()?.message.text == "3")
    }

    @Test func waitsForRoomUntilItsTaskIsCancelled() async throws {
        let (subscription, feed) = Subscription.makeSubscription(limit: 1, onEnd: {})
        try await feed.deliver(Self.delivery("0"))
        let waiting = Task { try await feed.deliver(Self.delivery("1")) }
        let cancelled = Task { try await feed.deliver(Self.delivery("cancelled")) }
        while subscription.waiting < 3 { await Task.yield() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(try await subscription.next()?.message.text == "0")
        try await waiting.value
        #expect(try await subscription.next()?.message.text == "1")
        #expect(subscription.nextIfReady() == nil)
    }

    @Test func endsAfterWhatHasCome() async throws {
        let (subscription, feed) = Subscription.makeSubscription(limit: 1, onEnd: {})
        try await feed.deliver(Self.delivery("0"))
        feed.finish(throwing: MessagingError(.refused, "the broker takes it away"))
        feed.finish()
        #expect(feed.offer(Self.delivery("1")) == .ended)
        try await feed.deliver(Self.delivery("2"))
        #expect(try await subscription.next()?.message.text == "0")
        await #expect(throws: MessagingError.self) { try await subscription.next() }
    }

    @Test func tellsOnceThatNobodyReadsAnyMore() {
        let (ends, settled) = (Recorder<Void>(), Recorder<Disposition>())
        func useOnce() -> SubscriptionFeed {
            let (subscription, feed) = Subscription.makeSubscription(limit: 2) { ends.signal() }
            #expect(feed.offer(Self.delivery("unread", settled: settled)) == .taken)
            subscription.finish()
            #expect(ends.values.count == 1)
            #expect(settled.values.isEmpty)
            return feed
        }
        let feed = useOnce()
        #expect(ends.values.count == 1)
        #expect(settled.values == [.requeue])
        #expect(feed.offer(Self.delivery("late", settled: settled)) == .ended)
        #expect(settled.values == [.requeue, .requeue])
    }

    @Test func aDeliveryIsSettledOnce() throws {
        let settled = Recorder<Disposition>()
        do {
            let delivery = Self.delivery("x", settled: settled)
            try delivery.nack(requeue: false)
            #expect(throws: MessagingError.self) { try delivery.ack() }
        }
        #expect(settled.values == [.reject])
        try Self.delivery("from a topic").ack()
    }
}
