import DequeModule
import Martlet

/// The deliveries of a consumer, as an asynchronous sequence with one reader.
///
/// It survives reconnects. It ends when its connection is closed, ``cancel()`` is called or nobody holds it any more, and
/// throws when the broker cancels it or closes its channel. What has arrived and was not read when nobody holds it any more
/// goes back to its queue, unless it may be of a stream and the user may not ask.
public struct AMQPConsumer: AsyncSequence, Sendable {
    /// What it yields.
    public typealias Element = AMQPDelivery
    /// It throws a `MessagingError` when the consumer fails for good, or `CancellationError`.
    public typealias Failure = any Error

    private final class Lifetime: Sendable {
        let mailbox: Mailbox<AMQPDelivery>
        let leave: @Sendable () -> Void
        private let drop: @Sendable () -> Void

        init(
            mailbox: Mailbox<AMQPDelivery>,
            leave: @escaping @Sendable () -> Void,
            drop: @escaping @Sendable () -> Void
        ) {
            self.mailbox = mailbox
            self.leave = leave
            self.drop = drop
        }

        deinit { drop() }
    }

    private let lifetime: Lifetime

    /// - Parameters:
    ///   - leave: ends it at the broker.
    ///   - drop: ends it when nobody holds it any more.
    init(
        _ mailbox: Mailbox<AMQPDelivery>,
        leave: @escaping @Sendable () -> Void,
        drop: @escaping @Sendable () -> Void
    ) {
        lifetime = Lifetime(mailbox: mailbox, leave: leave, drop: drop)
    }

    /// How many deliveries wait to be read.
    public var waiting: Int { lifetime.mailbox.count }

    /// Ends it at the broker. What has arrived can still be read and settled; then the sequence ends.
    public func cancel() {
        lifetime.leave()
        lifetime.mailbox.finish()
    }

    /// The next delivery; `nil` at the end.
    public func next() async throws -> AMQPDelivery? {
        try Task.checkCancellation()
        // Only the one that is handed out: places of others, if they were put back, would be filled meanwhile.
        var one: Deque<AMQPDelivery> = []
        while true {
            try await lifetime.mailbox.next(into: &one, onlyOne: true)
            guard let delivery = one.popFirst() else { return nil }
            if !delivery.skipsStale() { return delivery }
        }
    }

    /// Reads it. Only one task may read at a time.
    public func makeAsyncIterator() -> Iterator { Iterator(consumer: self) }

    /// Reads a consumer's deliveries.
    public struct Iterator: AsyncIteratorProtocol {
        /// What was taken from the mailbox and not yet handed out; it goes back when the iterator goes.
        private final class Batch {
            let lifetime: Lifetime
            var deliveries: Deque<AMQPDelivery> = []

            init(_ lifetime: Lifetime) {
                self.lifetime = lifetime
            }

            deinit {
                if !deliveries.isEmpty { lifetime.mailbox.putBack(deliveries) }
            }
        }

        private let batch: Batch

        fileprivate init(consumer: AMQPConsumer) {
            batch = Batch(consumer.lifetime)
        }

        /// The next delivery; `nil` at the end.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> AMQPDelivery? {
            try Task.checkCancellation()
            while true {
                while let next = batch.deliveries.popFirst() {
                    if !next.skipsStale() { return next }
                }
                try await batch.lifetime.mailbox.next(into: &batch.deliveries)
                if batch.deliveries.isEmpty { return nil }
            }
        }
    }
}
