import Dispatch
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import MartletRelay

/// A sink of the test's, which does as it is told.
private final class Scripted: Sink {
    private struct State {
        var batches: [[String]] = []
        var failures: [any Error] = []
        var isClosed = false
        var isOnItsThread = true
    }

    private let state = Mutex(State())
    private let gate: Gate?
    /// Opened when the first batch comes.
    let begun = Gate()
    let taskExecutor: (any TaskExecutor)?

    init(failing failures: [any Error] = [], gate: Gate? = nil, thread: (any TaskExecutor)? = nil) {
        self.gate = gate
        taskExecutor = thread
        state.withLock { $0.failures = failures }
    }

    var batches: [[String]] { state.withLock { $0.batches } }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    /// Whether every batch has come there.
    var isOnItsThread: Bool { state.withLock { $0.isOnItsThread } }

    func deliver(_ batch: [SinkItem]) async throws {
        begun.open()
        if let gate { try await gate.wait() }
        try state.withLock { state in
            state.batches.append(batch.map { $0.message.text ?? "" })
            let preferred = withUnsafeCurrentTask { $0?.unownedTaskExecutor }
            if preferred != taskExecutor?.asUnownedTaskExecutor() { state.isOnItsThread = false }
            if !state.failures.isEmpty { throw state.failures.removeFirst() }
        }
    }

    func close() async { state.withLock { $0.isClosed = true } }
}

/// Holds tasks up until it is opened.
private final class Gate: Sendable {
    private let (rings, bell) = AsyncStream.makeStream(of: Void.self)

    func open() { bell.finish() }

    func wait() async throws {
        for await _ in rings {}
        try Task.checkCancellation()
    }
}

private struct Away: Error {}

private final class Thread: TaskExecutor {
    private let queue = DispatchQueue(label: "test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

@Suite(.timeLimit(.minutes(10))) struct SinkTests {
    private let soon = SinkOptions(
        interval: .milliseconds(1),
        retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5))
    )

    private func texts(_ range: Range<Int>) -> [String] { range.map { "\($0)" } }

    /// Publishes numbers, all of which are under way at once.
    private func publish(_ range: Range<Int>, on connection: SinkConnection<Scripted>) async throws -> [Martlet
        .Confirmation]
    {
        var confirmations: [Martlet.Confirmation] = []
        for text in texts(range) {
            let options = PublishOptions(guarantee: .atLeastOnce)
            confirmations.append(try await connection.beginPublishing(Message(text), to: "a", options: options))
        }
        return confirmations
    }

    @Test func messagesComeInOrderAndInBatches() async throws {
        let gate = Gate()
        let sink = Scripted(gate: gate)
        let connection = SinkConnection(sink, options: SinkOptions(maximumItems: 100, interval: .seconds(600)))
        var confirmations = try await publish(0..<1, on: connection)
        // The others come while the first is being delivered. Whatever the time: as many as are let to wait go at once.
        try await sink.begun.wait()
        confirmations += try await publish(1..<151, on: connection)
        gate.open()
        for confirmation in confirmations { try await confirmation.wait() }
        #expect(sink.batches.flatMap { $0 } == texts(0..<151))
        #expect(sink.batches.map(\.count) == [1, 100, 50])
        await connection.close()
        #expect(sink.isClosed)
        #expect(connection.state == .closed)
    }

    @Test(arguments: [false, true])
    func batchesComeOnTheSinksThread(hasOne: Bool) async throws {
        let sink = Scripted(thread: hasOne ? Thread() : nil)
        let connection = SinkConnection(sink, options: soon)
        #expect(connection.taskExecutor === sink.taskExecutor)
        for confirmation in try await publish(0..<100, on: connection) { try await confirmation.wait() }
        #expect(sink.batches.flatMap { $0 } == texts(0..<100))
        #expect(sink.isOnItsThread)
        await connection.close()
    }

    /// Nobody waits for the sink's word on a message without a guarantee: what it says is counted.
    @Test func aRefusalThatNobodyWaitsForIsCounted() async throws {
        var rejection = SinkRejection()
        rejection.reject(0, "it is the first")
        let sink = Scripted(failing: [rejection, MessagingError(.refused, "no such channel", isRetriable: false)])
        let connection = SinkConnection(sink, options: SinkOptions(maximumItems: 1, interval: .milliseconds(1)))
        for text in texts(0..<3) { try await connection.publish(Message(text), to: "a") }
        await connection.close()
        #expect(sink.batches.flatMap { $0 } == texts(0..<3))
        #expect(connection.statistics.refused == 2)
    }

    @Test func aBatchIsAsLargeAsItMayBe() async throws {
        let sink = Scripted()
        let connection = SinkConnection(sink, options: SinkOptions(maximumBytes: 10, interval: .milliseconds(1)))
        let options = PublishOptions(guarantee: .atLeastOnce)
        var confirmations: [Martlet.Confirmation] = []
        for count in [4, 4, 4, 30, 1] {
            let message = Message(String(repeating: "x", count: count))
            confirmations.append(try await connection.beginPublishing(message, to: "a", options: options))
        }
        for confirmation in confirmations { try await confirmation.wait() }
        #expect(sink.batches.allSatisfy { $0.count == 1 || $0.joined().count <= 10 })
        #expect(sink.batches.flatMap { $0 }.map(\.count) == [4, 4, 4, 30, 1])
        await connection.close()
    }

    @Test func aSinkThatIsAwayGetsTheSameBatchBeforeLaterOnes() async throws {
        let sink = Scripted(failing: [Away(), MessagingError(.timeout, "late"), Away()])
        let connection = SinkConnection(sink, options: soon)
        let confirmations = try await publish(0..<100, on: connection)
        for confirmation in confirmations { try await confirmation.wait() }
        let first = try #require(sink.batches.first)
        #expect(sink.batches.prefix(4).allSatisfy { $0 == first })
        #expect(sink.batches.dropFirst(3).flatMap { $0 } == texts(0..<100))
        #expect(connection.statistics.linkFailures == 3)
        #expect(connection.state == .connected)
        await connection.close()
    }

    @Test func oneThatIsRejectedDiesAlone() async throws {
        var rejection = SinkRejection()
        rejection.reject(0, "it is the first")
        let sink = Scripted(failing: [rejection])
        let connection = SinkConnection(sink, options: soon)
        let confirmations = try await publish(0..<3, on: connection)
        await #expect { try await confirmations[0].wait() } throws: { error in
            (error as? MessagingError)?.code == .refused && "\(error)".contains("it is the first")
        }
        for confirmation in confirmations.dropFirst() { try await confirmation.wait() }
        #expect(sink.batches.flatMap { $0 } == texts(0..<3))
        await connection.close()
    }

    @Test func whatTimeDoesNotMendFailsAtOnce() async throws {
        let sink = Scripted(failing: [MessagingError(.refused, "no such channel", isRetriable: false)])
        let connection = SinkConnection(sink, options: soon)
        let refused = try await publish(0..<1, on: connection)
        #expect(await errorCode { try await refused[0].wait() } == .refused)
        for confirmation in try await publish(1..<2, on: connection) { try await confirmation.wait() }
        await connection.close()
    }

    @Test func attemptsCanBeBounded() async throws {
        let sink = Scripted(failing: [Away(), Away(), Away()])
        var options = soon
        options.retry.attempts = 2
        let connection = SinkConnection(sink, options: options)
        let refused = try await publish(0..<1, on: connection)
        #expect(await errorCode { try await refused[0].wait() } == .refused)
        #expect(sink.batches.count == 3)
        for confirmation in try await publish(1..<2, on: connection) { try await confirmation.wait() }
        await connection.close()
    }

    @Test func publishersWaitForASinkThatIsSlow() async throws {
        let gate = Gate()
        let sink = Scripted(gate: gate)
        let connection = SinkConnection(sink, options: SinkOptions(maximumItems: 10))
        let all = Task { try await publish(0..<100, on: connection) }
        let cancelled = Task { try await connection.publish(Message("no"), to: "a") }
        // Ten are being delivered, twenty wait.
        cancelled.cancel()
        _ = await cancelled.result
        gate.open()
        for confirmation in try await all.value { try await confirmation.wait() }
        #expect(sink.batches.flatMap { $0 }.filter { $0 != "no" } == texts(0..<100))
        await connection.close()
    }

    @Test func whatWasPublishedIsDeliveredBeforeTheEnd() async throws {
        let sink = Scripted()
        let connection = SinkConnection(sink, options: SinkOptions(interval: .seconds(600)))
        for text in texts(0..<20) { try await connection.publish(Message(text), to: "a") }
        async let first: Void = connection.close()
        async let second: Void = connection.close()
        _ = await (first, second)
        #expect(sink.batches.flatMap { $0 } == texts(0..<20))
        #expect(await errorCode { try await connection.publish(Message("late"), to: "a") } == .connectionClosed)
    }

    @Test func aSinkThatStaysAwayDoesNotKeepTheEnd() async throws {
        let sink = Scripted(failing: Array(repeating: Away(), count: 10_000))
        let clock = TestClock()
        let connection = SinkConnection(sink, options: soon, connection: ConnectionOptions(clock: clock))
        let waiting = try await publish(0..<1, on: connection)
        async let end: Void = connection.close()
        let mover = Task {
            while !Task.isCancelled {
                clock.advance(by: .seconds(1))
                await Task.yield()
            }
        }
        await end
        mover.cancel()
        #expect(await errorCode { try await waiting[0].wait() } == .connectionClosed)
        #expect(sink.isClosed)
    }

    @Test func aMessageExpires() async throws {
        let sink = Scripted(gate: Gate())
        let connection = SinkConnection(sink)
        let options = PublishOptions(guarantee: .atLeastOnce, expiry: .milliseconds(5))
        let confirmation = try await connection.beginPublishing(Message("x"), to: "a", options: options)
        #expect(await errorCode { try await confirmation.wait() } == .timeout)
        await connection.close()
    }

    @Test func aSinkIsNoBroker() async throws {
        let connection = SinkConnection(Scripted())
        #expect(await errorCode { _ = try await connection.subscribe(to: "a") } == .unsupported)
        #expect(await errorCode { _ = try await connection.consume(from: "a") } == .unsupported)
        #expect(await errorCode { try await connection.send(Message("x"), to: "a") } == .unsupported)
        let kept = PublishOptions(retain: true)
        #expect(await errorCode { try await connection.publish(Message(), to: "a", options: kept) } == .unsupported)
        await connection.close()
    }

    @Test func fewAreGatheredAndManyAreNot() {
        var pace = SinkPace(SinkOptions(maximumItems: 500, interval: .milliseconds(200)))
        #expect(pace.due == nil)
        pace.begins(with: 1, at: .seconds(5))
        #expect(pace.due == .milliseconds(5_200))
        #expect(pace.threshold == SinkPace.many)
        pace.begins(with: 500, at: .seconds(6))
        #expect(pace.threshold == 250)
    }
}
