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
        var senders = WaitingSenders()
        senders.park(1)
        senders.park(2)
        senders.park(3)
        #expect(senders.expire(1) == nil)
        #expect(senders.admit(2) == nil)
        #expect(senders.withdraw(3) != nil)
        #expect(senders.withdraw(3) == nil)
        var results: [String] = []
        for number in UInt64(1)...3 {
            do {
                try await withCheckedThrowingContinuation { continuation in
                    if let ended = senders.attach(continuation, to: number) { continuation.resume(with: ended) }
                }
                results.append("sent")
            } catch {
                results.append("\((error as? MessagingError)?.code == .timeout ? "expired" : "\(error)")")
            }
        }
        #expect(results == ["expired", "sent", "sent"])
    }
}
