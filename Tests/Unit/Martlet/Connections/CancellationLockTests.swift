import Martlet
import Synchronization
import Testing

/// While a task is cancelled the Swift runtime holds a lock of that task and calls its cancellation handlers, and whoever
/// resumes the task waits for that lock. So a lock that such a handler takes must not be held while a task is resumed:
/// two threads would wait for each other for ever. Each of these cancels a task at the moment when it is resumed.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CancellationLockTests {
    private typealias Resuming = @Sendable () async throws -> Void

    @Test func whoWatchesAConnection() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        try await race {
            for await _ in connection.states() {}
        } resumed: {
            {
                connection.cut()
                connection.restore()
            }
        }
    }

    @Test func whoWaitsForRoomInAQueue() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("a", options: QueueOptions(limit: 1))
        let connection = try await broker.connect(name: "a")
        let work = try await connection.consume(from: "a", options: ConsumeOptions(prefetch: 1))
        try await race {
            while true { try await connection.send(Message("x"), to: "a") }
        } resumed: {
            let inHand = try #require(try await work.next())
            return { try inHand.ack() }
        }
    }

    @Test func aReaderThatUnsubscribesWhenItIsCancelled() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        try await race {
            let subscription = try await connection.subscribe(to: "a")
            try await withTaskCancellationHandler {
                while try await subscription.next() != nil {}
            } onCancel: {
                subscription.finish()
            }
        } resumed: {
            { try await connection.publish(Message("x"), to: "a") }
        }
    }

    /// Many times: starts a task that comes to wait for something, and cancels it when what it waits for happens.
    ///
    /// - Parameter resumed: prepares what the task waits for, and returns what has it happen.
    private func race(
        _ waiting: @escaping @Sendable () async throws -> Void,
        resumed prepare: () async throws -> Resuming
    ) async throws {
        for round in 0..<3_000 {
            let task = Task { try await waiting() }
            let resuming = try await prepare()
            // Nothing says when the task sleeps. Now and then it does not yet, and that must do no harm either.
            for _ in 0..<round % 30 { await Task.yield() }
            let meeting = Meeting()
            async let resumed: Void = {
                meeting.isHere.store(true, ordering: .relaxed)
                try await resuming()
            }()
            meeting.wait(beyond: .nanoseconds(round % 64 * 200))
            task.cancel()
            try await resumed
            _ = await task.result
        }
    }

    /// Has two threads do something at once.
    private final class Meeting: Sendable {
        let isHere = Atomic(false)

        /// Waits for the other side, and a moment longer. It does not suspend, since going on would take too long then;
        /// but where there is one thread alone nobody else comes, so it does not wait long either.
        func wait(beyond moment: Duration) {
            let start = ContinuousClock.now
            while !isHere.load(ordering: .relaxed), ContinuousClock.now - start < .microseconds(200) {}
            let met = ContinuousClock.now
            while ContinuousClock.now - met < moment {}
        }
    }
}
