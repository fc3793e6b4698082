extension Delivery {
    /// A delivery as a transport makes it of what has come from the broker.
    ///
    /// - Parameters:
    ///   - topic: the topic it was published to; of a queue's, the queue's name.
    ///   - message: what arrived.
    ///   - redeliveries: how often it had been delivered before without being acknowledged.
    ///   - isRetained: as ``isRetained`` says.
    ///   - settle: tells the broker what is done with it; `nil` for one that needs no settling. It is called at most
    ///     once,
    ///     from any thread, by ``ack()`` or ``nack(requeue:)``, or with ``Disposition/requeue`` when the delivery is
    ///     dropped
    ///     unsettled; in the last case what it throws is ignored. It does not block: it hands the word to the link,
    ///     and throws
    ///     ``MessagingError/Code/connectionLost`` if that is not the link over which the delivery came, since the
    ///     broker
    ///     then delivers it again by itself.
    public init(
        topic: TopicName,
        message: Message,
        redeliveries: Int = 0,
        isRetained: Bool = false,
        settle: (@Sendable (Disposition) throws -> Void)? = nil
    ) {
        self.init(
            topic: topic,
            message: message,
            redeliveries: redeliveries,
            isRetained: isRetained,
            settlement: settle.map { Settlement(0, by: ClosureSettler($0)) }
        )
    }
}

/// Settles the one delivery that it was made for.
private final class ClosureSettler: Settler {
    private let settle: @Sendable (Disposition) throws -> Void

    init(_ settle: @escaping @Sendable (Disposition) throws -> Void) {
        self.settle = settle
    }

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        try settle(disposition)
    }
}
