import Martlet

/// A channel of a connection: AMQP as it is.
///
/// It survives reconnects, with its consumers. Until it is open again, publishes with confirms wait, and all else throws
/// `MessagingError.Code.notConnected`. An error that the broker finds on it (a queue that does not exist, a
/// delivery that is settled twice) ends it for good, and nothing else: what waits on it throws the broker's reason, as
/// `MessagingError.Code.refused` with an ``AMQPReplyError`` as its cause, and so does what is asked later. It is closed
/// when nobody holds it any more.
public final class AMQPChannel: Sendable {
    private let session: AMQPSession
    private let id: Int
    private let confirms: Bool

    init(_ session: AMQPSession, id: Int, confirms: Bool) {
        self.session = session
        self.id = id
        self.confirms = confirms
    }

    deinit { session.leaveNative(id) }

    /// Publishes a message. Where the channel confirms, it returns when the broker has: the message is then kept and sent
    /// again if the link is lost meanwhile, and may arrive twice. Otherwise it returns when the message is on its way.
    ///
    /// - Parameters:
    ///   - message: what is published.
    ///   - exchange: empty for the default one, whose routing keys are the names of queues.
    ///   - routingKey: what the exchange chooses the queues by.
    ///   - isMandatory: whether it is an error, `MessagingError.Code.noResponder`, that it is routed to no queue. Only
    ///     where the channel confirms.
    /// - Throws: `MessagingError.Code.refused` if the exchange does not exist; `MessagingError.Code.queueFull` if the
    ///   broker does not take it; `MessagingError.Code.notConnected` without confirms while there is no link.
    public func publish(
        _ message: AMQPMessage,
        to exchange: String = "",
        routingKey: String = "",
        isMandatory: Bool = false
    ) async throws {
        try ShortText.check(exchange, "an exchange's name")
        try ShortText.check(routingKey, "a routing key")
        try message.properties.validate()
        try session.runtime.checkSize(of: Message(message.body))
        if isMandatory, !confirms {
            throw MessagingError(
                .invalidArgument,
                "without confirms the broker's return can't be told: open with confirms"
            )
        }
        try await session.transmit(
            Outgoing(
                publish: AMQPPublish(
                    exchange: exchange,
                    routingKey: routingKey,
                    isMandatory: isMandatory,
                    properties: message.properties,
                    body: message.body
                ),
                origin: .native(id),
                isKept: confirms,
                confirmation: confirms ? Promise() : nil
            )
        )
    }

    /// Consumes a queue, which exists.
    ///
    /// - Throws: `MessagingError.Code.refused` if it does not, or is not for this connection.
    public func consume(
        from queue: String,
        options: AMQPConsumeOptions = AMQPConsumeOptions()
    ) async throws -> AMQPConsumer {
        try ShortText.check(queue, "a queue's name")
        try options.arguments.validate()
        guard (0...65_535).contains(options.prefetch) else {
            throw MessagingError(
                .invalidArgument,
                "a consumer's prefetch is \(options.prefetch); it is from 0 to 65535"
            )
        }
        let (mailbox, tag) = try await session.consume(id, from: queue, options)
        // It holds its channel.
        return AMQPConsumer(
            mailbox,
            leave: { [self] in session.leave(tag, of: id) },
            drop: { [self] in session.drop(tag, of: id, mailbox) }
        )
    }

    /// Takes one message from a queue.
    ///
    /// - Parameters:
    ///   - queue: the queue's name.
    ///   - noAck: whether it is done with as soon as the broker has sent it.
    /// - Returns: `nil` if there is none.
    public func get(from queue: String, noAck: Bool = false) async throws -> AMQPDelivery? {
        try ShortText.check(queue, "a queue's name")
        return try await session.get(id, from: queue, noAck: noAck)
    }

    /// Bounds how many deliveries all consumers of the channel may hold unsettled together, instead of each one's own bound;
    /// 0: any number. Set it before they consume. Quorum queues do not allow it.
    public func setPrefetch(_ count: Int) async throws {
        guard (0...65_535).contains(count) else {
            throw MessagingError(.invalidArgument, "a channel's prefetch is \(count); it is from 0 to 65535")
        }
        try await session.setPrefetch(id, UInt16(count))
    }

    /// Closes it: what waits on it throws, its consumers end, and what they hold unsettled goes back to its queues.
    ///
    /// It returns when the broker has taken what was settled and published before, or after five seconds. Cancellation
    /// does not shorten it.
    public func close() async {
        await session.closeNative(id)
    }
}
