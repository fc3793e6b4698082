import DequeModule
import Martlet
import MartletTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct MailboxTests {
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
    /// A reader that shares its actor with others, and what they did.
    private actor Place {
        private(set) var hasOtherRun = false

        /// - Returns: whether another had its turn before the last of the elements was read.
        func read(_ count: Int, from mailbox: Mailbox<Int>) async throws -> Bool {
            // It waits for this one to suspend.
            let other = Task { hasOtherRun = true }
            for _ in 0..<count {
                var batch: Deque<Int> = []
                try await mailbox.next(into: &batch, onlyOne: true)
            }
            let result = hasOtherRun
            await other.value
            return result
        }
    }

    @Test func aReaderThatAlwaysFindsSomethingLetsOthersRun() async throws {
        let mailbox = Mailbox<Int>(limit: 2_000)
        for number in 0..<2_000 { _ = mailbox.offer(number, topic: "t") }
        #expect(try await Place().read(1_900, from: mailbox))
    }

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

    // MARK: Full and roomy

    private func park(_ element: Int, in mailbox: Mailbox<Int>) -> UInt64 {
        guard case .parked(let id) = mailbox.offer(element, topic: "t") else { return 0 }
        return id
    }

    /// It is full once the first element waits outside, and has room again once none does and half of it is free.
    @Test func fullAndRoomAreReportedInPairs() {
        let signals = Shared<[String]>([])
        let mailbox = Mailbox<Int>(
            limit: 4,
            onFull: { signals.withLock { $0.append("full") } },
            onRoom: { signals.withLock { $0.append("room") } }
        )
        func take() {
            var batch: Deque<Int> = []
            mailbox.nextIfReady(into: &batch)
        }
        for number in 0..<4 { _ = mailbox.offer(number, topic: "t") }
        #expect(signals.withLock { $0 }.isEmpty)
        for number in 4..<11 { _ = park(number, in: mailbox) }
        #expect(signals.withLock { $0 } == ["full"])
        // Four of those outside come in, three stay outside.
        take()
        // The three come in: that is more than half.
        take()
        #expect(signals.withLock { $0 } == ["full"])
        _ = mailbox.offer(11, topic: "t")
        take()
        #expect(signals.withLock { $0 } == ["full", "room"])
        for number in 12..<17 { _ = mailbox.offer(number, topic: "t") }
        #expect(signals.withLock { $0 } == ["full", "room", "full"])
        take()
        #expect(signals.withLock { $0 } == ["full", "room", "full", "room"])
    }

    /// One who asks for one message at a time takes no others, whose places would be filled before he gave them back.
    @Test func aSingleReadReportsNoRoomThatIsNotThere() async throws {
        let signals = Shared<[String]>([])
        let mailbox = Mailbox<Delivery>(
            limit: 4,
            onFull: { signals.withLock { $0.append("full") } },
            onRoom: { signals.withLock { $0.append("room") } }
        )
        let subscription = Subscription(mailbox) {}
        for number in 0..<6 { _ = mailbox.offer(Delivery(topic: "t", message: Message("\(number)")), topic: "t") }
        for number in 0..<4 {
            #expect(signals.withLock { $0 } == ["full"])
            let delivery = number.isMultiple(of: 2) ? try await subscription.next() : subscription.nextIfReady()
            #expect(delivery?.message.text == "\(number)")
        }
        // Half of the places are free now.
        #expect(signals.withLock { $0 } == ["full", "room"])
        #expect(subscription.waiting == 2)
    }

    @Test(arguments: ["finish", "discard", "withdraw", "cancel"])
    func whateverEndsTheWaitReportsRoomOnce(way: String) async throws {
        let signals = Shared<[String]>([])
        let mailbox = Mailbox<Int>(
            limit: 1,
            onFull: { signals.withLock { $0.append("full") } },
            onRoom: { signals.withLock { $0.append("room") } }
        )
        _ = mailbox.offer(1, topic: "t")
        let id = park(2, in: mailbox)
        switch way {
        case "finish": mailbox.finish()
        case "discard": mailbox.discard()
        case "withdraw": mailbox.withdraw(id)
        default:
            let waiting = Task { try await mailbox.waitUntilAdmitted(id) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
        // One that was taken back leaves the mailbox full.
        let isOver = way == "finish" || way == "discard"
        #expect(signals.withLock { $0 } == (isOver ? ["full", "room"] : ["full"]))
        var batch: Deque<Int> = []
        mailbox.nextIfReady(into: &batch)
        mailbox.discard()
        #expect(signals.withLock { $0 } == ["full", "room"])
    }

    /// However producers, readers and withdrawals interleave, each full is followed by one room.
    @Test func signalsBalanceInARace() async throws {
        for _ in 0..<50 {
            let balance = Shared(0)
            let mailbox = Mailbox<Int>(
                limit: 3,
                onFull: { balance.withLock { $0 += 1 } },
                onRoom: { balance.withLock { $0 -= 1 } }
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await self.readAll(mailbox) }
                try await withThrowingTaskGroup(of: Void.self) { writers in
                    for writer in 0..<4 {
                        writers.addTask {
                            for number in 0..<200 {
                                if writer == 0 {
                                    mailbox.withdraw(self.park(number, in: mailbox))
                                } else {
                                    try await self.offer(number, to: mailbox)
                                }
                            }
                        }
                    }
                    try await writers.waitForAll()
                }
                mailbox.finish()
                try await group.waitForAll()
            }
            #expect(balance.withLock { $0 } == 0)
        }
    }

    // MARK: Deliveries of a transport, many at a time

    private func deliveries(_ numbers: Range<Int>) -> Deque<Delivery> {
        Deque(numbers.map { Delivery(topic: "t", message: Message("\($0)")) })
    }

    private func take(_ mailbox: Mailbox<Delivery>) -> [Int] {
        var batch = Deque<Delivery>()
        mailbox.nextIfReady(into: &batch)
        return batch.compactMap { $0.message.text.flatMap { Int($0) } }
    }

    /// What finds no room waits outside, in order; that is told once, and so is that there is room.
    @Test func manyAtATimeAreInOrder() {
        let signals = Shared<[String]>([])
        let mailbox = Mailbox<Delivery>(
            limit: 4,
            onFull: { signals.withLock { $0.append("full") } },
            onRoom: { signals.withLock { $0.append("room") } }
        )
        for numbers in [0..<3, 3..<6, 6..<7, 7..<7] {
            var some = deliveries(numbers)
            mailbox.deliver(&some, of: "t")
            #expect(some.isEmpty)
        }
        #expect(mailbox.count == 7)
        #expect(signals.withLock { $0 } == ["full"])
        #expect(take(mailbox) == [0, 1, 2, 3])
        #expect(take(mailbox) == [4, 5, 6])
        #expect(take(mailbox) == [])
        #expect(signals.withLock { $0 } == ["full", "room"])
        var more = deliveries(7..<9)
        mailbox.deliver(&more, of: "t")
        #expect(take(mailbox) == [7, 8])
    }

    @Test(arguments: [(Overflow.dropOldest, [2, 3, 4]), (.dropNewest, [0, 1, 2]), (.conflate, [4])])
    func manyAtATimeAreDroppedByTheRule(_ overflow: Overflow, _ left: [Int]) async throws {
        let mailbox = Mailbox<Delivery>(limit: 3, overflow: overflow)
        var some = deliveries(0..<5)
        mailbox.deliver(&some, of: "t")
        #expect(mailbox.dropped == 5 - left.count)
        var taken: [Int] = []
        for _ in left { taken += take(mailbox) }
        #expect(taken == left)
    }

    @Test func manyAtATimeWakeTheReader() async throws {
        let mailbox = Mailbox<Delivery>(limit: 2)
        async let reading: [Int] = {
            var all: [Int] = []
            while true {
                var batch = Deque<Delivery>()
                try await mailbox.next(into: &batch)
                if batch.isEmpty { return all }
                all += batch.compactMap { $0.message.text.flatMap { Int($0) } }
            }
        }()
        for start in stride(from: 0, to: 300, by: 3) {
            var some = deliveries(start..<start + 3)
            mailbox.deliver(&some, of: "t")
            if start % 30 == 0 { await Task.yield() }
        }
        mailbox.finish()
        var late = deliveries(300..<301)
        mailbox.deliver(&late, of: "t")
        let all = try await reading
        #expect(all == Array(0..<300))
    }
}
