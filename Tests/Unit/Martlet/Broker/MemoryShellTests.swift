import Testing

@testable import Martlet

/// What the embedded broker's shell holds for its core.
@Suite(.timeLimit(.minutes(10))) struct MemoryShellTests {
    @Test func aNumberFindsItsMailboxAndNoOther() {
        var table = MailboxTable()
        let first = Mailbox<Delivery>(limit: 1)
        let number = table.insert(first)
        let other = table.insert(Mailbox<Delivery>(limit: 1))
        #expect(table[number] === first)
        #expect(table.remove(number) === first)
        #expect(table[number] == nil)
        #expect(table.remove(number) == nil)
        let second = Mailbox<Delivery>(limit: 1)
        let reused = table.insert(second)
        #expect(Set([number, other, reused]).count == 3)
        #expect(table[number] == nil, "what was meant for the first does not reach the second")
        #expect(table[reused] === second)
    }

    /// A message that expires before its sender has begun to wait: the sender is told, and does not take it for sent.
    @Test func aMessageThatExpiresBeforeItsSenderWaits() async {
        let senders = Shared(WaitingRoom<QueueName>())
        senders.withLock { senders in
            for number in UInt64(1)...3 { senders.park("q", as: number) }
            let expired = senders.fail(id: 1, MessagingError(.timeout, "expired"))
            #expect(expired != nil && expired?.continuation == nil)
            #expect(senders.remove(id: 2)?.element == "q", "let in")
            #expect(senders.contains(id: 3))
            #expect(senders.remove(id: 3) != nil, "taken back")
            #expect(senders.remove(id: 3) == nil)
        }
        var results: [String] = []
        for number in UInt64(1)...3 {
            do {
                try await WaitingRoom.wait(for: number) { body in senders.withLock { body(&$0) } }
                results.append("sent")
            } catch {
                results.append("\((error as? MessagingError)?.code == .timeout ? "expired" : "\(error)")")
            }
        }
        #expect(results == ["expired", "sent", "sent"])
    }
}
