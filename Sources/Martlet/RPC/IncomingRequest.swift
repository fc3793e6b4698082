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
        try await connection.reply(tied(message), to: replyTo)
    }

    /// Sends the caller the last message, and settles the request with it.
    func answer(_ message: Message, settling delivery: Delivery) async throws {
        try await connection.answer(tied(message), to: replyTo, settling: delivery)
    }

    /// A message to the caller, which knows by it what is answered. A request without an envelope is answered without one.
    private func tied(_ reply: Message) -> Message {
        var reply = reply
        reply.headers.correlationID = id
        reply.headers.native = message.headers.native?.correlation.map { NativeProperties(correlation: $0) }
        return reply
    }
}
