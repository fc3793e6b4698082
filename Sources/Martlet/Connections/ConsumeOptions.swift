/// How a queue is consumed.
public struct ConsumeOptions: Sendable, Hashable {
    /// How many deliveries this consumer may hold unsettled; the rest wait for other consumers.
    public var prefetch: Int
    /// Whether what comes are requests, which are worth nothing without a responder: a broker that keeps queues need not
    /// keep this one any longer than it has consumers.
    package var isForRequests = false

    /// Sixteen deliveries at a time, unless told.
    public init(prefetch: Int = 16) {
        self.prefetch = prefetch
    }

    package func validate() throws {
        guard prefetch > 0 else {
            throw MessagingError(.invalidArgument, "a consumer's prefetch is \(prefetch); it must be at least 1")
        }
    }
}
