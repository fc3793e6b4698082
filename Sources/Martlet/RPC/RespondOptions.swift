/// How a responder serves its calls.
public struct RespondOptions: Sendable, Hashable {
    /// How many requests it works on at a time. More wait in the queue, for other responders of the same name too.
    public var concurrency: Int

    /// A hundred requests at a time, unless told.
    public init(concurrency: Int = 100) {
        self.concurrency = concurrency
    }

    func validate(for name: QueueName) throws {
        guard concurrency > 0 else {
            throw MessagingError(
                .invalidArgument,
                "the concurrency of \(name) is \(concurrency); it must be at least 1"
            )
        }
    }
}
