import DequeModule
import Martlet
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct MailboxTests {
    private func offer(_ element: Int, to mailbox: Mailbox<Int>) async throws {
        if case .parked(let id) = mailbox.offer(element, topic: "t") { try await mailbox.waitUntilAdmitted(id) }
    }

    private func readAll(_ mailbox: Mailbox<Int>) async throws -> [Int] {
        var all: [Int] = []
        var batch: Deque<Int> = []
        while true {
            try await mailbox.next(into: &batch)
            if batch.isEmpty { return all }
            all += batch
            batch.removeAll()
        }
    }

    /// No element is lost, doubled or out of its producer's order, and nobody waits for ever.
    @Test func manyProducersOneReader() async throws {
        let mailbox = Mailbox<Int>(limit: 8)
        let producers = 8
        let each = 20_000
        let all = try await withThrowingTaskGroup(of: [Int].self) { group in
            group.addTask { try await self.readAll(mailbox) }
            try await withThrowingTaskGroup(of: Void.self) { writers in
                for producer in 0..<producers {
                    writers.addTask {
                        for number in 0..<each { try await self.offer(producer * each + number, to: mailbox) }
                    }
                }
                try await writers.waitForAll()
            }
            mailbox.finish()
            return try await group.next() ?? []
        }
        #expect(all.count == producers * each)
        for producer in 0..<producers {
            #expect(all.filter { $0 / each == producer } == Array(producer * each..<(producer + 1) * each))
        }
    }

    @Test func cancelledProducersTakeTheirElementBack() async throws {
        let mailbox = Mailbox<Int>(limit: 1)
        try await offer(1, to: mailbox)
        let waiting = Task { try await offer(2, to: mailbox) }
        await until { mailbox.count == 2 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        mailbox.finish()
        #expect(try await readAll(mailbox) == [1])
    }

    @Test func cancelledReadersLoseNothing() async throws {
        let mailbox = Mailbox<Int>(limit: 4)
        let reader = Task { try await readAll(mailbox) }
        await Task.yield()
        reader.cancel()
        await #expect(throws: CancellationError.self) { _ = try await reader.value }
        try await offer(1, to: mailbox)
        mailbox.finish()
        #expect(try await readAll(mailbox) == [1])
    }

    /// A reader cancelled in the moment in which an element arrives gets it, or leaves it for the next.
    @Test func cancellationRacesWithArrival() async throws {
        for number in 0..<2_000 {
            let mailbox = Mailbox<Int>(limit: 4)
            let reader = Task { () -> [Int] in
                var batch: Deque<Int> = []
                try await mailbox.next(into: &batch)
                return Array(batch)
            }
            async let offered: Void = offer(number, to: mailbox)
            reader.cancel()
            try await offered
            mailbox.finish()
            let first = (try? await reader.value) ?? []
            #expect(try await first + readAll(mailbox) == [number])
        }
    }

    @Test func aSecondReaderIsAnError() async throws {
        let mailbox = Mailbox<Int>(limit: 4)
        let codes = try await withThrowingTaskGroup(of: MessagingError.Code?.self) { group in
            for _ in 0..<2 {
                group.addTask { await errorCode { _ = try await self.readAll(mailbox) } }
            }
            let first = try await group.next() ?? nil
            mailbox.finish()
            let second = try await group.next() ?? nil
            return [first, second]
        }
        #expect(codes == [.concurrentIteration, nil])
    }

    @Test func finishingWithAnErrorComesAfterWhatWaits() async throws {
        let mailbox = Mailbox<Int>(limit: 4)
        try await offer(1, to: mailbox)
        mailbox.finish(throwing: MessagingError(.connectionLost, ""))
        var batch: Deque<Int> = []
        try await mailbox.next(into: &batch)
        #expect(Array(batch) == [1])
        batch.removeAll()
        let code = await errorCode { try await mailbox.next(into: &batch) }
        #expect(code == .connectionLost)
    }

    @Test func discardingLetsProducersGo() async throws {
        let mailbox = Mailbox<Int>(limit: 1)
        try await offer(1, to: mailbox)
        async let waiting: Void = offer(2, to: mailbox)
        await until { mailbox.count == 2 }
        mailbox.discard()
        try await waiting
        #expect(mailbox.count == 0)
        guard case .closed = mailbox.offer(3, topic: "t") else {
            Issue.record("a discarded mailbox takes elements")
            return
        }
    }
}
