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
    /// cancelled.
    func answer() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await delivery in cancellations {
                    if let id = delivery.message.headers.correlationID { handling.inFlight.cancel(id) }
                }
            }
            group.addTask {
                try await withThrowingDiscardingTaskGroup { handlers in
                    for try await delivery in requests {
                        handlers.addTask { await handling.answer(delivery) }
                    }
                    // The requests end in order for a shutdown; their handlers go on then.
                    if handling.connection.state == .closed { handling.inFlight.cancelAll() }
                }
                // Only when every request in hand is answered does nobody need the cancellations any more.
                cancellations.finish()
            }
            try await group.waitForAll()
        }
    }
}
