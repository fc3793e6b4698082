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

    /// Sends the caller the last message; that it has gone is no error everywhere.
    ///
    /// - Returns: whether the request is settled with it; otherwise whoever answers it does so.
    func answer(_ message: Message, settling delivery: Delivery) async throws -> Bool {
        guard let connection = connection as? any ReplyPosting else {
            try await reply(message)
            return false
        }
        var message = message
        message.headers.correlationID = id
        try await connection.postReply(message, to: replyTo, settling: delivery.settlement)
        return true
    }
}
