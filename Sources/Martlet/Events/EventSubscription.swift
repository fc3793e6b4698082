/// The events told on some topics, as an asynchronous sequence with one reader; otherwise as ``TypedSubscription``.
public struct EventSubscription<Payload: Codable & Sendable>: AsyncSequence, Sendable {
    /// It throws what ``Subscription`` throws.
    public typealias Failure = any Error

    private let subscription: TypedSubscription<Event<Payload>>

    init(_ subscription: TypedSubscription<Event<Payload>>) {
        self.subscription = subscription
    }

    /// How many events were dropped because the reader was too slow; see ``Overflow``.
    public var dropped: Int { subscription.dropped }

    /// Stops listening. What has arrived can still be read; then the sequence ends.
    public func finish() { subscription.finish() }

    /// Ends the subscription for good, at the broker as well; see ``Subscription/unsubscribe()``.
    public func unsubscribe() { subscription.unsubscribe() }

    /// The next event; `nil` at the end.
    public func next() async throws -> Event<Payload>? {
        var iterator = Iterator(events: subscription.makeSingleIterator())
        return try await iterator.next()
    }

    /// Reads the events. Only one task may read at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(events: subscription.makeAsyncIterator())
    }

    /// Reads events.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var events: TypedSubscription<Event<Payload>>.Iterator

        /// The next event; `nil` at the end.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> Event<Payload>? {
            try await events.next(isolation: isolation).map { $0.value.arrived(on: $0.topic) }
        }
    }
}
