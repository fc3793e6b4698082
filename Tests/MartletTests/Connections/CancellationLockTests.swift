import Martlet
import MartletTesting
import Testing

/// While a task is cancelled the Swift runtime holds a lock of that task and calls its cancellation handlers, and whoever
/// resumes the task waits for that lock. So a lock that such a handler takes must not be held while a task is resumed:
/// two threads would wait for each other for ever. Each of these cancels a task at the moment when it is resumed.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CancellationLockTests {
    private static let rounds = 3_000

    /// Cancels a task while `resuming` runs, many times.
    private func race(
        _ waiting: @escaping @Sendable () async throws -> Void,
        _ resuming: @escaping @Sendable () async throws -> Void
    ) async throws {
        for round in 0..<Self.rounds {
            let task = Task { try await waiting() }
            // Now and then the task has come to wait, now and then it has not.
            for _ in 0..<round % 12 { await Task.yield() }
            async let resumed: Void = resuming()
            await Task.yield()
            task.cancel()
            try await resumed
            _ = await task.result
        }
    }

    @Test func whoWatchesAConnection() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        try await race {
            for await _ in connection.states() {}
        } _: {
            connection.cut()
            connection.restore()
        }
    }

    @Test func whoWaitsForRoomInAQueue() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("a", options: QueueOptions(limit: 1))
        let connection = try await broker.connect(name: "a")
        let work = try await connection.consume(from: "a", options: ConsumeOptions(prefetch: 1))
        for _ in 0..<2 { try await connection.send(Message("full"), to: "a") }
        try await race {
            try await connection.send(Message("one more"), to: "a")
        } _: {
            try await work.next()?.ack()
            // Full again, whichever of the two was faster.
            while broker.queue("a")?.waiting == 0 {
                try await connection.send(Message("full"), to: "a")
            }
        }
    }

    @Test func whoUnsubscribesWhenItIsCancelled() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        try await race {
            let subscription = try await connection.subscribe(to: "a")
            try await withTaskCancellationHandler {
                for try await _ in subscription {}
            } onCancel: {
                subscription.finish()
            }
        } _: {
            for _ in 0..<4 { try await connection.publish(Message("x"), to: "a") }
        }
    }

    @Test func whoUnsubscribesWhenItsCallIsCancelled() async throws {
        let broker = MemoryBroker()
        let server = try await broker.connect(name: "server")
        let client = try await broker.connect(name: "client")
        let requests = try await server.consume(from: "echo")
        try await race {
            let subscription = try await client.subscribe(to: "a")
            try await withTaskCancellationHandler {
                _ = try await client.call("echo", Message("x"))
            } onCancel: {
                subscription.finish()
            }
        } _: {
            await Task.yield()
            while let request = requests.nextIfReady() {
                try request.ack()
                guard let address = request.message.headers.replyTo else { continue }
                var reply = Message("y")
                reply.headers.correlationID = request.message.headers.correlationID
                try await server.reply(reply, to: address)
            }
        }
    }
}
