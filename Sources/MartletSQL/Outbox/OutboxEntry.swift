import Martlet

/// A message of the outbox.
struct OutboxEntry: Sendable {
    enum Kind: String, Sendable, Codable {
        case queue, topic
    }

    let kind: Kind
    let name: String
    let message: Message

    /// The message with all its headers.
    var record: [UInt8] { message.storedRecord }

    /// Sends it, and returns what to wait for until the broker has it.
    func begin(on connection: any Connection) async throws -> Confirmation {
        switch kind {
        case .queue:
            return try await connection.beginSending(
                message,
                to: QueueName(name),
                options: SendOptions(guarantee: .atLeastOnce)
            )
        case .topic:
            return try await connection.beginPublishing(
                message,
                to: TopicName(name),
                options: PublishOptions(guarantee: .atLeastOnce)
            )
        }
    }
}
