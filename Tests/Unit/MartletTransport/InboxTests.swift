import DequeModule
import Martlet
import MartletTransport
import Testing

/// The mailboxes that a loop fills, and the gate that they close.
@Suite(.timeLimit(.minutes(10))) struct InboxTests {
    private func delivery(_ number: Int) -> Delivery { Delivery(topic: "t", message: Message("\(number)")) }

    @Test func aFullInboxClosesTheGateUntilItsReaderHasCaughtUp() async throws {
        try await withLoop { loop in
            let gate = FlowGate(on: Bell(loop)) {}
            let inbox = Inbox<Int>(limit: 4, overflow: .suspend, gate: gate)
            for number in 0..<4 { inbox.offer(number, topic: "t") }
            #expect(!gate.isClosed)
            inbox.offer(4, topic: "t")
            #expect(gate.isClosed)
            // The loop can't wait: what it has read is kept.
            inbox.offer(5, topic: "t")
            var read: [Int] = []
            while read.count < 6 {
                var batch: Deque<Int> = []
                try await inbox.mailbox.next(into: &batch)
                read += batch
            }
            #expect(read == [0, 1, 2, 3, 4, 5])
            #expect(!gate.isClosed)
        }
    }

    @Test func aReaderThatLeavesOpensTheGate() async {
        await withLoop { loop in
            let gate = FlowGate(on: Bell(loop)) {}
            let inbox = Inbox<Int>(limit: 1, overflow: .suspend, gate: gate)
            for number in 0..<3 { inbox.offer(number, topic: "t") }
            #expect(gate.isClosed)
            inbox.mailbox.discard()
            #expect(!gate.isClosed)
        }
    }

    @Test func whereMessagesMayBeDroppedTheGateStaysOpen() async {
        await withLoop { loop in
            let gate = FlowGate(on: Bell(loop)) {}
            for overflow in [Overflow.dropOldest, .dropNewest, .conflate] {
                let inbox = Inbox<Int>(limit: 1, overflow: overflow, gate: gate)
                for number in 0..<100 { inbox.offer(number, topic: "t") }
                #expect(!gate.isClosed)
                #expect(inbox.mailbox.dropped == 99)
            }
        }
    }

    @Test func aConsumerHoldsNoMoreThanItMay() async {
        await withLoop { loop in
            let gate = FlowGate(on: Bell(loop)) {}
            let inbox = PrefetchInbox(prefetch: 2, backlogLimit: 4, gate: gate)
            for number in 0..<6 { inbox.offer(delivery(number)) }
            #expect(inbox.mailbox.count == 2)
            #expect(!gate.isClosed)
            inbox.offer(delivery(6))
            #expect(gate.isClosed)
            // Each that is settled lets the next one in.
            var read: [String?] = []
            while read.count < 7 {
                var batch: Deque<Delivery> = []
                inbox.mailbox.nextIfReady(into: &batch)
                #expect(batch.count <= 2 && !batch.isEmpty)
                for delivery in batch {
                    read.append(delivery.message.text)
                    inbox.settled()
                }
            }
            #expect(read == (0..<7).map(String.init))
            #expect(!gate.isClosed)
        }
    }

    @Test func aConsumerThatEndsOpensTheGate() async {
        await withLoop { loop in
            let gate = FlowGate(on: Bell(loop)) {}
            let inbox = PrefetchInbox(prefetch: 1, backlogLimit: 1, gate: gate)
            for number in 0..<4 { inbox.offer(delivery(number)) }
            #expect(gate.isClosed)
            inbox.end()
            #expect(!gate.isClosed)
            inbox.offer(delivery(9))
            inbox.settled()
            #expect(!gate.isClosed)
        }
    }
}
