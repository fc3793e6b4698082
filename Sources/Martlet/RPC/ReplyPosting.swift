/// A connection that sends a reply and settles its request in one go.
///
/// ``Connection/reply(_:to:)`` finds out whether anybody hears the reply, where the broker can tell. Who answers a call does
/// nothing with that: a caller that has gone needs no answer. So there need be no waiting between a reply and the
/// acknowledgement of its request, and both are written together.
package protocol ReplyPosting: Connection {
    /// Hands a reply to the link, and with it the settlement of its request: acknowledged after the reply has been written,
    /// and not at all if the link is lost before.
    ///
    /// - Throws: what is found out about the message here; `CancellationError` while there is no room for it. Then nothing
    ///   was settled.
    nonisolated func postReply(_ message: Message, to address: String, settling request: Settlement?) async throws
}
