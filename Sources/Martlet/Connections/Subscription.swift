import DequeModule

/// The deliveries of a topic filter or a queue, as an asynchronous sequence with one reader.
///
/// It is live when the call that returned it returns. It survives reconnects and ends only when its connection is
/// closed, ``finish()`` is called, or nobody holds it any more; leaving the loop and dropping it unsubscribes.
/// Cancelling the reading task throws `CancellationError`; what had arrived stays for the next reader.
public struct Subscription: AsyncSequence, Sendable {
    /// What it yields.
    public typealias Element = Delivery
    /// It throws a ``MessagingError`` when its connection fails for good, or `CancellationError`.
    public typealias Failure = any Error

    /// Unsubscribes when the last one who could read has gone.
    private final class Lifetime: Sendable {
        let mailbox: Mailbox<Delivery>
        /// What all deliveries are of; `nil`: they say it.
        let topic: TopicName?
        /// What the deliveries came by, if it ends with `#`.
        let filter: RestFilter?
        let unsubscribe: @Sendable () -> Void

        init(
            mailbox: Mailbox<Delivery>,
            topic: TopicName?,
            filter: RestFilter?,
            unsubscribe: @escaping @Sendable () -> Void
        ) {
            self.mailbox = mailbox
            self.topic = topic
            self.filter = filter
            self.unsubscribe = unsubscribe
        }

        deinit {
            unsubscribe()
            mailbox.discard()
        }
    }

    private let lifetime: Lifetime

    /// - Parameters:
    ///   - topic: what all deliveries are of, if that is known; then they need not say it. A name of its own: one that others
    ///     use, too, costs what leaving it out saves.
    ///   - unsubscribe: called once or more, from any thread, when no more deliveries are wanted.
    package init(
        _ mailbox: Mailbox<Delivery>,
        of topic: TopicName? = nil,
        unsubscribe: @escaping @Sendable () -> Void
    ) {
        lifetime = Lifetime(mailbox: mailbox, topic: topic, filter: nil, unsubscribe: unsubscribe)
    }

    /// - Parameters:
    ///   - pattern: what it is subscribed to. If that is one topic, its deliveries need not say it.
    ///   - unsubscribe: called once or more, from any thread, when no more deliveries are wanted.
    package init(
        _ mailbox: Mailbox<Delivery>,
        to pattern: TopicPattern,
        unsubscribe: @escaping @Sendable () -> Void
    ) {
        lifetime = Lifetime(
            mailbox: mailbox,
            topic: pattern.onlyTopic,
            filter: RestFilter(pattern),
            unsubscribe: unsubscribe
        )
    }

    /// How many messages were dropped because the reader was too slow; see ``Overflow``.
    public var dropped: Int { lifetime.mailbox.dropped }

    /// How many messages wait to be read.
    public var waiting: Int { lifetime.mailbox.count }

    /// Stops taking messages. What has arrived can still be read; then the sequence ends.
    public func finish() {
        lifetime.unsubscribe()
        lifetime.mailbox.finish()
    }

    /// The next delivery; `nil` at the end.
    public func next() async throws -> Delivery? {
        var iterator = makeSingleIterator()
        return try await iterator.next()
    }

    /// The next delivery if one waits already; never suspends.
    public func nextIfReady() -> Delivery? {
        var iterator = makeSingleIterator()
        return iterator.nextIfReady()
    }

    /// Reads the subscription. Only one task may read at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(subscription: self, takesOne: false)
    }

    /// Reads the subscription once: it takes no more than it hands out, and so puts nothing back.
    func makeSingleIterator() -> Iterator {
        Iterator(subscription: self, takesOne: true)
    }

    /// Reads a subscription.
    public struct Iterator: AsyncIteratorProtocol {
        /// What was taken from the mailbox and not yet handed out; it goes back when the iterator goes.
        private final class Batch {
            let lifetime: Lifetime
            var deliveries: Deque<Delivery> = []

            init(_ lifetime: Lifetime) {
                self.lifetime = lifetime
            }

            deinit {
                if !deliveries.isEmpty { lifetime.mailbox.putBack(deliveries) }
            }
        }

        private let batch: Batch
        private let takesOne: Bool

        fileprivate init(subscription: Subscription, takesOne: Bool) {
            batch = Batch(subscription.lifetime)
            self.takesOne = takesOne
        }

        /// The next delivery; `nil` at the end.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> Delivery? {
            try Task.checkCancellation()
            while true {
                if let next = popFirst() { return next }
                try await batch.lifetime.mailbox.next(into: &batch.deliveries, onlyOne: takesOne)
                if batch.deliveries.isEmpty { return nil }
            }
        }

        fileprivate mutating func nextIfReady() -> Delivery? {
            while true {
                batch.lifetime.mailbox.nextIfReady(into: &batch.deliveries, onlyOne: takesOne)
                if batch.deliveries.isEmpty { return nil }
                if let next = popFirst() { return next }
            }
        }

        /// The first that was taken. Those that can't be settled any more are skipped: the broker delivers them again.
        private func popFirst() -> Delivery? {
            while var delivery = batch.deliveries.popFirst() {
                if let settlement = delivery.settlement, settlement.skipsStale() { continue }
                if let topic = batch.lifetime.topic { delivery.knownTopic = topic }
                if let filter = batch.lifetime.filter { delivery.filter = filter }
                return delivery
            }
            return nil
        }
    }
}
