import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct TestClockTests {
    @Test func standsStillUntilMoved() {
        let clock = TestClock()
        #expect(clock.now.offset == .zero)
        clock.advance(by: .seconds(2))
        #expect(clock.now.offset == .seconds(2))
        clock.advance(to: TestClock.Instant(offset: .seconds(1)))
        #expect(clock.now.offset == .seconds(2))
    }

    @Test func wakesWhoseTimeHasComeAndNobodyElse() async throws {
        let clock = TestClock()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for seconds in [3, 1, 2] {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    return seconds
                }
            }
            try await clock.waitForSleepers(count: 3)
            for expected in 1...3 {
                #expect(clock.deadlines.first?.offset == .seconds(expected))
                #expect(clock.advanceToNextDeadline() == .seconds(1))
                #expect(try await group.next() == expected)
                #expect(clock.sleepers == 3 - expected)
            }
        }
        #expect(clock.advanceToNextDeadline() == nil)
    }

    @Test func resumesInTheOrderOfDeadlines() async throws {
        let clock = TestClock()
        let order = Recorder<Int>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for milliseconds in (1...50).shuffled() {
                group.addTask(executorPreference: InlineExecutor()) {
                    try await clock.sleep(until: TestClock.Instant(offset: .milliseconds(milliseconds)))
                    order.record(milliseconds)
                }
            }
            try await clock.waitForSleepers(count: 50)
            clock.advance(by: .seconds(1))
            try await group.waitForAll()
        }
        #expect(order.values == Array(1...50))
    }

    /// Runs a task within the call that resumes it, so that tasks run in the order in which they are resumed: on any
    /// other executor they may overtake each other.
    private final class InlineExecutor: TaskExecutor {
        func enqueue(_ job: consuming ExecutorJob) {
            UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    @Test func whatHasPassedIsNotSleptFor() async throws {
        let clock = TestClock()
        clock.advance(by: .seconds(5))
        try await clock.sleep(until: TestClock.Instant(offset: .seconds(5)))
        try await clock.sleep(for: .zero)
        #expect(clock.sleepers == 0)
    }

    @Test func cancelledSleepersThrowAndAreForgotten() async throws {
        let clock = TestClock()
        for _ in 0..<200 {
            let task = Task { try await clock.sleep(for: .seconds(1)) }
            if Bool.random() { try await clock.waitForSleepers() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(clock.sleepers == 0)
        }
    }

    @Test func cancelledWatchersThrow() async throws {
        let clock = TestClock()
        let watcher = Task { try await clock.waitForSleepers(count: 1) }
        watcher.cancel()
        await #expect(throws: CancellationError.self) { try await watcher.value }
        try await clock.waitForSleepers(count: 0)
    }

    @Test func manySleepersRacingTheClock() async throws {
        let clock = TestClock()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<500 {
                group.addTask { try await clock.sleep(until: TestClock.Instant(offset: .milliseconds(number))) }
            }
            for _ in 0..<500 { clock.advance(by: .milliseconds(1)) }
            try await group.waitForAll()
        }
    }

    @Test func isTheClockOfConnectionsAndBrokers() async throws {
        let clock = TestClock()
        let broker = MemoryBroker(options: MemoryBroker.Options(clock: clock))
        let connection = try await broker.connect(options: ConnectionOptions(clock: clock))
        let nobodyAnswers = try await connection.consume(from: "clock.calls")
        let call = Task { try await connection.call("clock.calls", Message("x"), timeout: .seconds(5)) }
        // The call's timeout, and at the broker the request's expiry.
        try await clock.waitForSleepers(count: 2)
        clock.advance(by: .seconds(5))
        let error = await #expect(throws: MessagingError.self) { try await call.value }
        #expect(error?.code == .timeout)
        withExtendedLifetime(nobodyAnswers) {}
        await connection.close()
    }
}
