import DequeModule

/// The deliveries of a topic filter or a queue, as an asynchronous sequence with one reader.
///
/// It is live when the call that returned it returns. It survives reconnects and ends only when its connection is
/// closed, ``finish()`` or ``unsubscribe()`` is called, or nobody holds it any more; leaving the loop and dropping it
/// unsubscribes. Cancelling the reading task throws `CancellationError`; what had arrived stays for the next reader.
///
/// A subscription that the broker keeps beyond its reader (on a kept session of MQTT, or with a
/// ``SubscribeOptions/durableName``) is kept when its reader ends, however that happens: the broker goes on to collect
/// messages for it. Only ``unsubscribe()`` ends it there.
public struct Subscription: AsyncSequence, Sendable {
    /// What it yields.
    public typealias Element = Delivery
    /// It throws a ``MessagingError`` when its connection fails for good, or `CancellationError`.
    public typealias Failure = any Error

    /// How a subscription ends.
    package enum Ending: Sendable, Hashable {
        /// ``Subscription/finish()`` was called: what has arrived can still be read.
        case finished
        /// Nobody holds it any more.
        case dropped
        /// ``Subscription/unsubscribe()`` was called: the broker is to keep nothing for it, either.
        case unsubscribed
    }

    /// Ends the subscription when the last one who could read has gone.
    private final class Lifetime: Sendable {
        let mailbox: Mailbox<Delivery>
        /// What all deliveries are of; `nil`: they say it.
        let topic: TopicName?
        /// What the deliveries are to know of where they come from.
        let source: DeliverySource?
        let end: @Sendable (Ending) -> Void

        init(
            mailbox: Mailbox<Delivery>,
            topic: TopicName?,
            source: DeliverySource?,
            end: @escaping @Sendable (Ending) -> Void
        ) {
            self.mailbox = mailbox
            self.topic = topic
            self.source = source
            self.end = end
        }

        deinit {
            end(.dropped)
            mailbox.discard()
        }
    }

    private let lifetime: Lifetime

    /// - Parameters:
    ///   - topic: what all deliveries are of, if that is known; then they need not say it. A name of its own: one that others
    ///     use, too, costs what leaving it out saves.
    ///   - source: what its deliveries are to know of where they come from.
    ///   - unsubscribe: called once or more, from any thread, when no more deliveries are wanted.
    package init(
        _ mailbox: Mailbox<Delivery>,
        of topic: TopicName? = nil,
        from source: DeliverySource? = nil,
        unsubscribe: @escaping @Sendable () -> Void
    ) {
        self.init(mailbox, of: topic, from: source) { (ending: Ending) in
            unsubscribe()
            if ending != .dropped { mailbox.finish() }
        }
    }

    /// A subscription that the broker may keep.
    ///
    /// - Parameters:
    ///   - topic: what all deliveries are of, if that is known.
    ///   - source: what its deliveries are to know of where they come from.
    ///   - end: called once or more, from any thread, when no more deliveries are wanted. Unless the subscription was
    ///     dropped it finishes the mailbox, now or when nothing more is put in.
    package init(
        _ mailbox: Mailbox<Delivery>,
        of topic: TopicName? = nil,
        from source: DeliverySource? = nil,
        end: @escaping @Sendable (Ending) -> Void
    ) {
        lifetime = Lifetime(mailbox: mailbox, topic: topic, source: source, end: end)
    }

    /// How many messages were dropped because the reader was too slow; see ``Overflow``.
    public var dropped: Int { lifetime.mailbox.dropped }

    /// How many messages wait to be read.
    public var waiting: Int { lifetime.mailbox.count }

    /// Stops taking messages. What has arrived can still be read; then the sequence ends.
    ///
    /// What the broker keeps beyond its reader it goes on to keep; see ``unsubscribe()``.
    public func finish() {
        lifetime.end(.finished)
    }

    /// Stops taking messages, for good: the broker keeps nothing for the subscription any more, either. What has arrived
    /// can still be read; then the sequence ends.
    ///
    /// It differs from ``finish()`` where the broker keeps a subscription beyond its reader, and may be called after it. It
    /// does not wait: without a link the broker is told on the next one.
    public func unsubscribe() {
        lifetime.end(.unsubscribed)
    }

    /// The next delivery; `nil` at the end.
    public func next() async throws -> Delivery? {
        var iterator = makeSingleIterator()
        return try await iterator.next()
    }

    /// The next delivery, if there is one within a time; `nil` at the end.
    ///
    /// None is lost: one that arrives in the moment in which the time is over is returned, or is there for the next reader.
    ///
    /// - Parameters:
    ///   - limit: how long to wait.
    ///   - clock: what measures that.
    /// - Throws: ``MessagingError/Code/timeout`` if nothing has come by then; what ``next()`` throws.
    public func next(
        within limit: Duration,
        clock: any Clock<Duration> = ContinuousClock()
    ) async throws -> Delivery? {
        switch try await next(during: { try await clock.sleep(for: limit.capped) }) {
        case .delivery(let delivery): return delivery
        case .end: return nil
        case .nothing: throw MessagingError(.timeout, "nothing has come\(source) within \(limit)")
        }
    }

    /// Where its deliveries come from, for an error.
    private var source: String { lifetime.topic.map { " from \($0)" } ?? "" }

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
                if let source = batch.lifetime.source {
                    delivery.source = source
                    source.trace("delivered", delivery)
                }
                return delivery
            }
            return nil
        }
    }
}
