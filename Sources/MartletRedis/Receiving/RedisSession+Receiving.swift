import Martlet
import MartletTransport

/// The verbs that receive, and how what they began ends.
extension RedisSession {
    /// - Returns: the number to unsubscribe by.
    func subscribe(to pattern: TopicPattern, _ inbox: Inbox<Delivery>) async throws -> Int {
        try await subscribers.subscribe(to: pattern, inbox, self)
    }

    /// Ends what was subscribed to, soon. From any thread.
    nonisolated func leave(_ member: Int) {
        bell.execute { [weak self] in
            self?.assumeIsolated { $0.subscribers.unsubscribe(member, $0) }
        }
    }

    /// - Returns: the number to leave by.
    func consume(_ queue: QueueName, prefetch: Int, _ inbox: Inbox<Delivery>) async throws -> Int {
        try await consumers.consume(queue, prefetch: prefetch, inbox, self)
    }

    /// Takes no more messages, soon. What has arrived can still be settled. From any thread.
    nonisolated func leaveQueue(_ number: Int) {
        if intake.settlements.addLeaving(number) { bell.ring() }
    }

    /// The server's answer to something that somebody waits for: for the connect timeout at most.
    func answer(_ promise: Promise<Void>, _ subject: String) async throws {
        let limit = options.connectTimeout
        try await promise.value(
            within: limit,
            of: runtime.timers,
            or: MessagingError(.timeout, "the server did not answer \(subject) within \(limit)")
        )
    }

    func openReplies(_ receive: @escaping @Sendable (Message, String) -> Void) async throws -> ReplyAddress {
        try await replies.open(receive, self)
    }
}
