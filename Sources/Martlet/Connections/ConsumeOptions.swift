/// How a queue is consumed.
public struct ConsumeOptions: Sendable, Hashable {
    /// How many deliveries this consumer may hold unsettled; the rest wait for other consumers.
    public var prefetch: Int

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
