import Martlet
import MartletTesting
import MartletTransport
import Testing

@Suite(.timeLimit(.minutes(10))) struct OutboxTests {
    @Test func onlyTheFirstElementWakes() async throws {
        let wakes = Shared(0)
        let outbox = Outbox<Int>(limit: 10, maximumBytes: 1_000) { wakes.withLock { $0 += 1 } }
        for number in 0..<3 { try await outbox.put(number, bytes: 1) }
        #expect(wakes.withLock { $0 } == 1)
        #expect((0..<4).map { _ in outbox.takeFirst() } == [0, 1, 2, nil])
        try await outbox.put(3, bytes: 1)
        #expect(wakes.withLock { $0 } == 2)
    }

    @Test func oneElementMayBeLargerThanAll() async throws {
        let outbox = Outbox<Int>(limit: 10, maximumBytes: 10) {}
        try await outbox.put(1, bytes: 1_000)
        async let second: Void = outbox.put(2, bytes: 1)
        await until { outbox.count == 2 }
        #expect(outbox.takeFirst() == 1)
        try await second
        #expect(outbox.takeFirst() == 2)
    }

    @Test func whoIsCancelledWhileItWaitsIsNotIn() async throws {
        let outbox = Outbox<Int>(limit: 1, maximumBytes: 1_000) {}
        try await outbox.put(1, bytes: 1)
        let waiting = Task { try await outbox.put(2, bytes: 1) }
        await until { outbox.count == 2 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(outbox.takeFirst() == 1)
        #expect(outbox.takeFirst() == nil)
    }

    @Test func closingEndsWhoWaitsAndReturnsWhatWaited() async throws {
        let outbox = Outbox<Int>(limit: 2, maximumBytes: 1_000) {}
        for number in 0..<2 { try await outbox.put(number, bytes: 1) }
        let waiting = Task { try await outbox.put(2, bytes: 1) }
        await until { outbox.count == 3 }
        #expect(outbox.close(MessagingError(.connectionClosed, "over")) == [0, 1])
        #expect(await errorCode { try await waiting.value } == .connectionClosed)
        #expect(await errorCode { try await outbox.put(3, bytes: 1) } == .connectionClosed)
        #expect(outbox.close(MessagingError(.timeout, "again")) == [])
    }

    @Test func whatIsRemovedMakesRoom() async throws {
        let outbox = Outbox<Int>(limit: 3, maximumBytes: 1_000) {}
        for number in 0..<3 { try await outbox.put(number, bytes: 1) }
        async let waiting: Void = outbox.put(3, bytes: 1)
        await until { outbox.count == 4 }
        #expect(outbox.removeAll { $0 % 2 == 0 } == [0, 2])
        try await waiting
        #expect((0..<3).map { _ in outbox.takeFirst() } == [1, 3, nil])
    }

    /// Many producers, of which some give up: what was put in comes out once, each producer's in its order, and nothing
    /// of those who gave up.
    @Test func nothingIsLostOrDoubledUnderStress() async throws {
        let wakes = Shared(0)
        let outbox = Outbox<[Int]>(limit: 8, maximumBytes: 64) { wakes.withLock { $0 += 1 } }
        let isOver = Shared(false)
        let accepted = try await withThrowingTaskGroup(of: [[Int]].self) { group in
            for producer in 0..<16 {
                group.addTask {
                    var accepted: [[Int]] = []
                    for number in 0..<500 {
                        let element = [producer, number]
                        let put = Task { try await outbox.put(element, bytes: number % 20) }
                        if number % 7 == producer % 7 { put.cancel() }
                        do {
                            try await put.value
                            accepted.append(element)
                        } catch is CancellationError {}
                    }
                    return accepted
                }
            }
            let taker = Task {
                var taken: [[Int]] = []
                while !isOver.withLock({ $0 }) || outbox.count > 0 {
                    if let next = outbox.takeFirst() { taken.append(next) } else { await Task.yield() }
                }
                return taken
            }
            var accepted: [[Int]] = []
            for try await some in group { accepted += some }
            isOver.withLock { $0 = true }
            let taken = await taker.value
            for producer in 0..<16 {
                #expect(taken.filter { $0[0] == producer } == accepted.filter { $0[0] == producer })
            }
            return accepted.count
        }
        #expect(accepted > 16 * 300)
        #expect(wakes.withLock { $0 } >= 1)
    }
}
