/// How a responder serves its calls.
public struct RespondOptions: Sendable, Hashable {
    /// How many requests it works on at a time. More wait in the queue, for other responders of the same name too.
    public var concurrency: Int
    /// How long the reader of a stream may be silent, or allow no first element, whatever time its request names; then the
    /// handler is cancelled. Readers say at least every 20 s that they are there.
    public var readerPatience: Duration

    /// A hundred requests at a time, and a minute's patience with readers, unless told.
    public init(concurrency: Int = 100, readerPatience: Duration = .seconds(60)) {
        self.concurrency = concurrency
        self.readerPatience = readerPatience
    }

    /// How long a reader may be silent that waits so long itself for each element.
    func patience(with timeout: Duration?) -> Duration {
        min(timeout.map { $0 * 3 } ?? readerPatience, readerPatience)
    }

    func validate(for name: QueueName) throws {
        guard concurrency > 0 else {
            throw MessagingError(
                .invalidArgument,
                "the concurrency of \(name) is \(concurrency); it must be at least 1"
            )
        }
        guard readerPatience > .zero else {
            throw MessagingError(
                .invalidArgument,
                "the patience of \(name) with its readers is \(readerPatience); it must be positive"
            )
        }
    }
}
