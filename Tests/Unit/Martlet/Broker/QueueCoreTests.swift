import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct QueueCoreTests {
    private func recipient(_ number: Int) -> Recipient { Recipient(client: number, number: number) }

    private func consumer(_ number: Int, prefetch: Int = 1) -> QueueCore.Consumer {
        QueueCore.Consumer(recipient: recipient(number), prefetch: prefetch)
    }

    private func admit(_ text: String, to queue: inout QueueCore, expiry: Duration? = nil, now: Duration = .zero)
        -> [DeadLetter]
    {
        var dead: [DeadLetter] = []
        _ = queue.admit(Message(text), sender: 1, expiry: expiry, now: now, dead: &dead)
        return dead
    }

    private func next(_ queue: inout QueueCore, now: Duration = .zero) -> (
        text: String?, consumer: Int, queued: QueuedMessage
    )? {
        var dead: [DeadLetter] = []
        return queue.nextAssignment(now: now, dead: &dead).map { ($0.0.message.text, $0.1.number, $0.0) }
    }

    @Test func consumersTakeTurnsAsFarAsTheirPrefetchAllows() {
        var queue = QueueCore(QueueOptions(), isDeclared: false)
        queue.add(consumer(1, prefetch: 2))
        queue.add(consumer(2, prefetch: 1))
        for text in ["a", "b", "c", "d"] { _ = admit(text, to: &queue) }
        #expect(next(&queue)?.consumer == 1)
        #expect(next(&queue)?.consumer == 2)
        let third = next(&queue)
        #expect(third?.consumer == 1)
        #expect(third?.text == "c")
        #expect(next(&queue) == nil)
        #expect(queue.inHand == 3)
    }

    @Test func requeuedMessagesReturnToTheirPlace() throws {
        var queue = QueueCore(QueueOptions(), isDeclared: false)
        queue.add(consumer(1, prefetch: 3))
        for text in ["a", "b", "c"] { _ = admit(text, to: &queue) }
        let taken = [next(&queue), next(&queue), next(&queue)].compactMap { $0?.queued }
        var dead: [DeadLetter] = []
        for index in [2, 0, 1] { queue.settle(taken[index], of: recipient(1), as: .requeue, dead: &dead) }
        #expect(dead.isEmpty)
        #expect(queue.waiting.map { $0.message.text } == ["a", "b", "c"])
        #expect(queue.waiting.map(\.deliveries) == [1, 1, 1])
    }

    @Test func deathsAndTheirReasons() throws {
        var queue = QueueCore(QueueOptions(limit: 2, overflow: .dropOldest, maximumDeliveries: 2), isDeclared: false)
        queue.add(consumer(1))
        _ = admit("a", to: &queue)
        var dead: [DeadLetter] = []
        for _ in 0..<2 {
            let taken = try #require(next(&queue))
            queue.settle(taken.queued, of: recipient(1), as: .requeue, dead: &dead)
        }
        #expect(dead.map(\.reason) == [.deliveredTooOften])
        _ = admit("b", to: &queue)
        let taken = try #require(next(&queue))
        queue.settle(taken.queued, of: recipient(1), as: .reject, dead: &dead)
        #expect(dead.map(\.reason) == [.deliveredTooOften, .rejected])
        _ = admit("c", to: &queue)
        _ = admit("d", to: &queue)
        #expect(admit("e", to: &queue).map(\.reason) == [.displaced])
        #expect(queue.waiting.map { $0.message.text } == ["d", "e"])
    }

    @Test func expiredMessagesAreNotDelivered() {
        var queue = QueueCore(QueueOptions(timeToLive: .seconds(10)), isDeclared: false)
        queue.add(consumer(1, prefetch: 9))
        _ = admit("short", to: &queue, expiry: .seconds(1))
        _ = admit("long", to: &queue, expiry: .seconds(60))
        _ = admit("late", to: &queue, now: .seconds(5))
        #expect(queue.nextDeadline == .seconds(1))
        #expect(next(&queue, now: .seconds(1))?.text == "long")
        var dead: [DeadLetter] = []
        #expect(queue.expire(at: .seconds(14), dead: &dead).isEmpty)
        #expect(dead.isEmpty)
        #expect(queue.expire(at: .seconds(15), dead: &dead).isEmpty)
        #expect(dead.map(\.reason) == [.expired])
        #expect(queue.waiting.isEmpty)
    }

    @Test func fullQueuesAnswerAsTheirRuleSays() {
        var dead: [DeadLetter] = []
        var rejecting = QueueCore(QueueOptions(limit: 1, overflow: .reject), isDeclared: false)
        _ = admit("a", to: &rejecting)
        guard case .full = rejecting.admit(Message("b"), sender: 2, expiry: nil, now: .zero, dead: &dead) else {
            Issue.record("a full queue took a message")
            return
        }
        var suspending = QueueCore(QueueOptions(limit: 1, overflow: .suspend), isDeclared: false)
        _ = admit("a", to: &suspending)
        guard case .parked = suspending.admit(Message("b"), sender: 7, expiry: nil, now: .zero, dead: &dead) else {
            Issue.record("a full queue took a message")
            return
        }
        suspending.add(consumer(1, prefetch: 2))
        #expect(next(&suspending)?.text == "a")
        #expect(suspending.admitParked() == 7)
        #expect(next(&suspending)?.text == "b")
        #expect(dead.isEmpty)
    }

    @Test func bytesAreLimitedToo() {
        var dead: [DeadLetter] = []
        func body(_ bytes: Int) -> Message { Message([UInt8](repeating: 1, count: bytes)) }
        var dropping = QueueCore(QueueOptions(byteLimit: 100, overflow: .dropOldest), isDeclared: false)
        for _ in 0..<3 { _ = dropping.admit(body(40), sender: 1, expiry: nil, now: .zero, dead: &dead) }
        #expect(dropping.waiting.count == 2)
        #expect(dropping.bytes == 80)
        #expect(dead.map(\.reason) == [.displaced])
        // One that is larger than the limit displaces all others.
        _ = dropping.admit(body(1_000), sender: 1, expiry: nil, now: .zero, dead: &dead)
        #expect(dropping.waiting.map(\.bytes) == [1_000])
        dropping.bury(QueuedMessage(body(60), number: 1, expiresAt: nil), dead: &dead)
        #expect(dropping.waiting.map(\.bytes) == [60])

        var rejecting = QueueCore(QueueOptions(byteLimit: 100, overflow: .reject), isDeclared: false)
        rejecting.add(consumer(1, prefetch: 1))
        #expect(rejecting.admit(body(70), sender: 1, expiry: nil, now: .zero, dead: &dead) == .admitted)
        #expect(rejecting.admit(body(31), sender: 2, expiry: nil, now: .zero, dead: &dead) == .full)
        #expect(rejecting.admit(body(30), sender: 3, expiry: nil, now: .zero, dead: &dead) == .admitted)
        let taken = next(&rejecting)
        #expect(rejecting.bytes == 30)
        if let taken { rejecting.settle(taken.queued, of: recipient(1), as: .requeue, dead: &dead) }
        #expect(rejecting.bytes == 100)

        var suspending = QueueCore(QueueOptions(byteLimit: 100), isDeclared: false)
        #expect(suspending.admit(body(100), sender: 1, expiry: nil, now: .zero, dead: &dead) == .admitted)
        #expect(suspending.admit(body(60), sender: 2, expiry: .seconds(1), now: .zero, dead: &dead) == .parked)
        #expect(suspending.admit(body(60), sender: 3, expiry: nil, now: .zero, dead: &dead) == .parked)
        #expect(suspending.admitParked() == nil)
        #expect(suspending.expire(at: .seconds(1), dead: &dead) == [2])
        suspending.add(consumer(1, prefetch: 1))
        #expect(next(&suspending) != nil)
        #expect(suspending.admitParked() == 3)
        #expect(suspending.bytes == 60)
        suspending.options.timeToLive = nil
        _ = suspending.admit(body(1), sender: 4, expiry: .seconds(2), now: .zero, dead: &dead)
        _ = suspending.expire(at: .seconds(2), dead: &dead)
        #expect(suspending.bytes == 60)
    }
}

extension QueueCore {
    fileprivate mutating func admit(
        _ message: Message,
        sender: UInt64,
        expiry: Duration?,
        now: Duration,
        dead: inout [DeadLetter]
    ) -> Admission {
        let expiresAt = options.life(of: expiry).map { now + $0 }
        return admit(QueuedMessage(message, number: sender, expiresAt: expiresAt), now: now, dead: &dead)
    }
}
