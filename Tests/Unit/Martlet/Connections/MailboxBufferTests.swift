import DequeModule
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct MailboxBufferTests {
    private func drain(_ buffer: inout MailboxBuffer<Int>) -> [Int] {
        var all: [Int] = []
        while let next = buffer.popFirst() { all.append(next) }
        return all
    }

    @Test func suspendRefusesWhatDoesNotFit() {
        var buffer = MailboxBuffer<Int>(limit: 2, overflow: .suspend)
        #expect(buffer.admit(1, topic: "t") == .admitted)
        #expect(buffer.admit(2, topic: "t") == .admitted)
        #expect(buffer.admit(3, topic: "t") == .full)
        #expect(buffer.dropped == 0)
        #expect(drain(&buffer) == [1, 2])
    }

    @Test func dropOldestKeepsTheNewest() {
        var buffer = MailboxBuffer<Int>(limit: 2, overflow: .dropOldest)
        for value in 1...5 { _ = buffer.admit(value, topic: "t") }
        #expect(buffer.dropped == 3)
        #expect(drain(&buffer) == [4, 5])
    }

    @Test func dropNewestKeepsTheOldest() {
        var buffer = MailboxBuffer<Int>(limit: 2, overflow: .dropNewest)
        for value in 1...5 { _ = buffer.admit(value, topic: "t") }
        #expect(buffer.dropped == 3)
        #expect(drain(&buffer) == [1, 2])
    }

    @Test func conflateKeepsTheLatestOfEachTopicInTheOrderOfTheFirst() {
        var buffer = MailboxBuffer<Int>(limit: 2, overflow: .conflate)
        _ = buffer.admit(1, topic: "a")
        _ = buffer.admit(2, topic: "b")
        #expect(buffer.admit(3, topic: "a") == .dropped)
        #expect(buffer.popFirst() == 3)
        _ = buffer.admit(4, topic: "a")
        _ = buffer.admit(5, topic: "b")
        #expect(buffer.dropped == 2)
        // A third topic displaces the one that has waited longest.
        #expect(buffer.admit(6, topic: "c") == .dropped)
        #expect(buffer.dropped == 3)
        #expect(drain(&buffer) == [4, 6])
    }

    @Test func batchesAreTakenWholeAndPutBackInFront() {
        var buffer = MailboxBuffer<Int>(limit: 4, overflow: .suspend)
        for value in 1...4 { _ = buffer.admit(value, topic: "t") }
        var batch: Deque<Int> = []
        buffer.take(into: &batch)
        #expect(Array(batch) == [1, 2, 3, 4])
        _ = buffer.admit(5, topic: "t")
        batch.removeFirst()
        buffer.putBack(batch)
        #expect(drain(&buffer) == [2, 3, 4, 5])
    }

    @Test(arguments: [Overflow.dropOldest, .dropNewest, .conflate])
    func lossyBatchesAreOfOne(overflow: Overflow) {
        var buffer = MailboxBuffer<Int>(limit: 4, overflow: overflow)
        for value in 1...4 { _ = buffer.admit(value, topic: TopicName("t\(value)")) }
        var batch: Deque<Int> = []
        buffer.take(into: &batch)
        #expect(Array(batch) == [1])
        #expect(buffer.count == 3)
    }
    /// What a reader of one took, and could not use after all.
    @Test(arguments: [Overflow.dropOldest, .dropNewest, .conflate])
    func whatFindsItsPlaceTakenIsDroppedAndCounted(overflow: Overflow) {
        var buffer = MailboxBuffer<Int>(limit: 2, overflow: overflow)
        var batch: Deque<Int> = []
        for value in 1...2 { _ = buffer.admit(value, topic: TopicName("t\(value)")) }
        buffer.take(into: &batch)
        buffer.putBack(batch)
        #expect(buffer.count + buffer.dropped == 2)
        if overflow != .conflate { #expect(drain(&buffer) == [1, 2]) }
        batch = [3]
        for value in 4...5 { _ = buffer.admit(value, topic: TopicName("t\(value)")) }
        let dropped = buffer.dropped
        buffer.putBack(batch)
        #expect(buffer.dropped == dropped + 1)
        #expect(buffer.count == 2)
    }
}
