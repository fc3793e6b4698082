/// The values of a topic filter or a queue, as an asynchronous sequence with one reader.
///
/// Messages that are no such value are skipped: counted in ``ConnectionStatistics/undecodable``, logged at most once
/// a minute, and, if they came from a queue, made dead letters. Otherwise it is as ``Subscription``.
public struct TypedSubscription<Value: Codable & Sendable>: AsyncSequence, Sendable {
    /// It throws what ``Subscription`` throws.
    public typealias Failure = any Error

    private let subscription: Subscription
    private let runtime: ConnectionRuntime
    private let codec: (any Codec)?

    /// - Parameter codec: what all values are read with; `nil`: as the connection reads their content types.
    init(_ subscription: Subscription, runtime: ConnectionRuntime, codec: (any Codec)?) {
        self.subscription = subscription
        self.runtime = runtime
        self.codec = codec
    }

    /// How many messages were dropped because the reader was too slow; see ``Overflow``.
    public var dropped: Int { subscription.dropped }

    /// Stops taking messages. What has arrived can still be read; then the sequence ends.
    public func finish() { subscription.finish() }

    /// Ends the subscription for good, at the broker as well; see ``Subscription/unsubscribe()``.
    public func unsubscribe() { subscription.unsubscribe() }

    /// The next value; `nil` at the end.
    public func next() async throws -> Received<Value>? {
        var iterator = makeSingleIterator()
        return try await iterator.next()
    }

    /// Reads the values. Only one task may read at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(deliveries: subscription.makeAsyncIterator(), runtime: runtime, codec: codec)
    }

    /// Reads one value, and takes no more for it than it looks at.
    func makeSingleIterator() -> Iterator {
        Iterator(deliveries: subscription.makeSingleIterator(), runtime: runtime, codec: codec)
    }

    /// Reads a typed subscription.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var deliveries: Subscription.Iterator
        fileprivate let runtime: ConnectionRuntime
        fileprivate let codec: (any Codec)?

        /// The next value; `nil` at the end.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> Received<Value>? {
            while let delivery = try await deliveries.next(isolation: isolation) {
                do {
                    return try Received(
                        value: runtime.decode(delivery.message, from: delivery.topic.text, codec: codec),
                        delivery: delivery
                    )
                } catch {
                    try? delivery.nack(requeue: false)
                }
            }
            return nil
        }
    }
}
