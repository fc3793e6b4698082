import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(5))) struct QueueCoreTests {
    private func consumer(_ id: Int, prefetch: Int = 1) -> QueueConsumer {
        QueueConsumer(id: id, client: id, prefetch: prefetch, mailbox: Mailbox(limit: 1))
    }

    private func admit(_ text: String, to queue: inout QueueCore, expiry: Duration? = nil, now: Duration = .zero)
        -> [DeadLetter]
    {
        var dead: [DeadLetter] = []
        _ = queue.admit(Message(text), expiry: expiry, now: now, dead: &dead)
        return dead
    }

    private func next(_ queue: inout QueueCore, now: Duration = .zero) -> (
        text: String?, consumer: Int, queued: QueuedMessage
    )? {
        var dead: [DeadLetter] = []
        return queue.nextAssignment(now: now, dead: &dead).map { ($0.0.message.text, $0.1.id, $0.0) }
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
        for index in [2, 0, 1] { queue.settle(taken[index], of: 1, as: .requeue, dead: &dead) }
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
            queue.settle(taken.queued, of: 1, as: .requeue, dead: &dead)
        }
        #expect(dead.map(\.reason) == [.deliveredTooOften])
        _ = admit("b", to: &queue)
        let taken = try #require(next(&queue))
        queue.settle(taken.queued, of: 1, as: .reject, dead: &dead)
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
        #expect(queue.nextExpiry == .seconds(1))
        #expect(next(&queue, now: .seconds(1))?.text == "long")
        var dead: [DeadLetter] = []
        queue.expire(at: .seconds(14), dead: &dead)
        #expect(dead.isEmpty)
        queue.expire(at: .seconds(15), dead: &dead)
        #expect(dead.map(\.reason) == [.expired])
        #expect(queue.waiting.isEmpty)
    }

    @Test func fullQueuesAnswerAsTheirRuleSays() {
        var dead: [DeadLetter] = []
        var rejecting = QueueCore(QueueOptions(limit: 1, overflow: .reject), isDeclared: false)
        _ = admit("a", to: &rejecting)
        guard case .full = rejecting.admit(Message("b"), expiry: nil, now: .zero, dead: &dead) else {
            Issue.record("a full queue took a message")
            return
        }
        var suspending = QueueCore(QueueOptions(limit: 1, overflow: .suspend), isDeclared: false)
        _ = admit("a", to: &suspending)
        guard case .parked = suspending.admit(Message("b"), expiry: nil, now: .zero, dead: &dead) else {
            Issue.record("a full queue took a message")
            return
        }
        suspending.add(consumer(1, prefetch: 2))
        #expect(next(&suspending)?.text == "a")
        _ = suspending.admitParked()
        #expect(next(&suspending)?.text == "b")
        #expect(dead.isEmpty)
    }
}
