/// The requests of one responder, which arrive from the time it is made.
///
/// Opening and answering are two steps so that a pattern of several responders can have all of them open before any
/// caller is answered.
struct RequestLoop: Sendable {
    let handling: RequestHandling
    let cancellations: Subscription
    let requests: Subscription

    /// Takes no more requests; ``answer()`` returns when those in hand are answered.
    func finish() {
        requests.finish()
    }

    /// Answers each request by a task of its own, until ``finish()``, or the connection closes, or the task is
    /// cancelled; returns when all have ended.
    ///
    /// Requests are handed out on the connection's own thread, where they arrive. They are handled on the global pool, or
    /// on that thread if that is where the task prefers to run.
    func answer() async throws {
        let executor = handling.connection.taskExecutor
        let preferred = withUnsafeCurrentTask { $0?.unownedTaskExecutor }
        let handlers = preferred == executor?.asUnownedTaskExecutor() ? executor : nil
        try await withTaskExecutorPreference(executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for try await delivery in cancellations {
                        if let id = delivery.message.headers.correlationID { handling.inFlight.cancel(id) }
                    }
                }
                group.addTask {
                    for await state in handling.connection.states() where state == .closed {
                        // Nobody can be answered any more.
                        handling.inFlight.cancelAll()
                    }
                }
                try await answerRequests(on: handlers)
                // Only when every request in hand is answered does nobody need the cancellations any more.
                group.cancelAll()
            }
        }
    }

    private func answerRequests(on executor: (any TaskExecutor)?) async throws {
        try await withTaskCancellationHandler {
            do {
                for try await delivery in requests { handling.begin(delivery, on: executor) }
            } catch {
                handling.inFlight.stop()
                await handling.inFlight.waitUntilIdle()
                throw error
            }
            await handling.inFlight.waitUntilIdle()
        } onCancel: {
            handling.inFlight.stop()
        }
    }
}
