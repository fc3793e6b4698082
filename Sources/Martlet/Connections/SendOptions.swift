/// How a message is sent to a queue.
public struct SendOptions: Sendable, Hashable {
    /// How surely it arrives.
    public var guarantee: Guarantee
    /// After how long it is worthless: it then becomes a dead letter. It also bounds how long the call waits for a
    /// lost link or for room in the queue. `nil`: never.
    public var expiry: Duration?
    /// Whether it is an error, ``MessagingError/Code/noResponder``, that nobody consumes the queue right now. Needs
    /// ``Capabilities/responderDetection``.
    public var requiresConsumer: Bool

    /// At least once, never expiring, into an unattended queue as well, unless told.
    public init(guarantee: Guarantee = .atLeastOnce, expiry: Duration? = nil, requiresConsumer: Bool = false) {
        self.guarantee = guarantee
        self.expiry = expiry
        self.requiresConsumer = requiresConsumer
    }
}
