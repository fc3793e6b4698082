import Logging

extension ConnectionRuntime {
    /// Logs at `trace` what becomes of a message: its topic or queue, its size, and the IDs by which it is found in the log of the
    /// other side. Costs one comparison where nobody reads that: the level is asked for once, when the connection is made.
    ///
    /// A transport calls it in each of its verbs. What arrives, and how it is settled, is logged here.
    ///
    /// - Parameters:
    ///   - event: what becomes of it, such as `publishing`.
    ///   - name: the topic, the queue or the address.
    ///   - message: the message.
    public func trace(_ event: StaticString, _ name: @autoclosure () -> String, _ message: Message) {
        guard isTracing else { return }
        var metadata: Logger.Metadata = ["name": .string(name()), "bytes": .stringConvertible(message.body.count)]
        let headers = message.headers
        metadata["message-id"] = headers.messageID.map { .string($0) }
        metadata["correlation-id"] = headers.correlationID.map { .string($0) }
        metadata["reply-to"] = headers.replyTo.map { .string($0) }
        metadata["goal-id"] = headers.goalID.map { .string($0.text) }
        logger.trace("\(event)", metadata: metadata)
    }
}
