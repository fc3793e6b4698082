public import Martlet

/// A connection whose other end only takes messages, or only gives them. What it can't do throws
/// `MessagingError.Code.unsupported`.
public protocol OneWayConnection: Connection {
    /// Reads the files anew that the other end shows or speaks by, such as a certificate; by default there are none.
    ///
    /// - Throws: what is wrong with them. It goes on with what it had.
    nonisolated func reload() throws
}

extension OneWayConnection {
    /// There are none.
    public nonisolated func reload() throws {}

    /// Throws `MessagingError.Code.unsupported`.
    public nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        throw unsupported("takes no messages")
    }

    /// Throws `MessagingError.Code.unsupported`.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        throw unsupported("has no messages to subscribe to")
    }

    /// Throws `MessagingError.Code.unsupported`.
    public nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        throw unsupported("has no queues to send to")
    }

    /// Throws `MessagingError.Code.unsupported`.
    public func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        throw unsupported("has no queues to consume")
    }

    /// Throws `MessagingError.Code.unsupported`.
    public func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        throw unsupported("answers no calls")
    }

    /// Throws `MessagingError.Code.unsupported`.
    public nonisolated func reply(_ message: Message, to address: String) async throws {
        throw unsupported("passes no replies on")
    }

    private nonisolated func unsupported(_ what: String) -> MessagingError {
        MessagingError(.unsupported, "'\(runtime.name)' \(what)")
    }
}
