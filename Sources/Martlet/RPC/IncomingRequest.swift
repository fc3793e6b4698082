/// A request that a responder works on.
struct IncomingRequest: Sendable {
    let message: Message
    let id: String
    let replyTo: String
    let connection: any Connection

    /// Sends the caller a message.
    ///
    /// - Throws: ``MessagingError/Code/noResponder`` where the broker can tell that the caller has gone.
    func reply(_ message: Message) async throws {
        var message = message
        message.headers.correlationID = id
        try await connection.reply(message, to: replyTo)
    }

    /// Sends the caller the last message, and settles the request with it.
    func answer(_ message: Message, settling delivery: Delivery) async throws {
        var message = message
        message.headers.correlationID = id
        try await connection.answer(message, to: replyTo, settling: delivery)
    }
}
