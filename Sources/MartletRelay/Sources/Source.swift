public import Martlet

/// The end of a relay that messages come from and that is no broker: a stream of events, a chat, a device.
///
/// ```swift
/// struct Counter: Source {
///     func items(from position: String?) async throws -> AsyncThrowingStream<SourceItem, any Error> {
///         var next = (position.flatMap { Int($0) } ?? 0) + 1
///         return AsyncThrowingStream {
///             try await Task.sleep(for: .seconds(1))
///             defer { next += 1 }
///             return SourceItem(topic: "counter", message: Message("\(next)"), position: "\(next)")
///         }
///     }
/// }
/// ```
///
/// A ``SourceConnection`` makes a connection of it, and so a `Bridge` passes its messages on like a broker's.
public protocol Source: Sendable {
    /// The messages, in their order.
    associatedtype Items: AsyncSequence<SourceItem, any Error> & Sendable

    /// Whether ``items(from:)`` goes on behind a position, so that what came while nobody listened comes then. By default it
    /// does.
    var keepsItems: Bool { get }

    /// The position at which one begins that has none, so that from then on nothing is missed, also if the source fails before
    /// its first message; `nil`: ``items(from:)`` finds it. By default that.
    ///
    /// - Throws: as ``items(from:)``.
    func beginning() async throws -> String?

    /// Opens the source, and returns what comes from then on. It is called again after each failure.
    ///
    /// A sequence that ends says that nothing comes any more, for ever. One that throws is opened again, with growing delays,
    /// unless it throws a `MessagingError` that time does not mend (`MessagingError.isRetriable` is false); a ``RetryAfter``
    /// says how long to wait at least. A cancelled task ends it at once.
    ///
    /// - Parameter position: that of the last item that was taken; `nil`: there is none.
    func items(from position: String?) async throws -> Items

    /// Whether it is told of each item that is done with, by ``acknowledge(_:)``. By default it is not.
    var acknowledgesItems: Bool { get }

    /// An item was settled: acknowledged, or refused for good. By default nothing is done. It is called for one item at a time,
    /// in the order in which they are settled, and the item counts as unsettled until it has returned: no more are handed out
    /// meanwhile than a reader may have, and a position is written after it. So another run may hand out the item once more.
    ///
    /// - Throws: a `MessagingError` that time does not mend: it is logged, and the item is done with all the same. Any other
    ///   error: it is tried again as `SourceOptions.retry` says, and then is such a one; a ``RetryAfter`` says how long to wait
    ///   at least.
    func acknowledge(_ item: SourceItem) async throws

    /// Lets go of what the source holds; by default nothing. Called once, when nobody reads it any more.
    func close() async
}

extension Source {
    /// It goes on behind a position.
    public var keepsItems: Bool { true }

    /// It is found by ``items(from:)``.
    public func beginning() async throws -> String? { nil }

    /// It is not told.
    public var acknowledgesItems: Bool { false }

    /// Does nothing.
    public func acknowledge(_ item: SourceItem) async throws {}

    /// Does nothing.
    public func close() async {}
}

/// One message of a ``Source``.
public struct SourceItem: Sendable, Hashable {
    /// Where it comes from, by which subscriptions choose.
    public var topic: TopicName
    /// What came.
    public var message: Message
    /// Where the source goes on behind it; `nil`: where it went on before.
    public var position: String?
    /// How many messages between the one before and this one were left out, because they could not be read. The connection
    /// counts them as `ConnectionStatistics.undecodable`.
    public var skipped: Int

    /// A message, its topic and its position.
    public init(topic: TopicName, message: Message, position: String? = nil, skipped: Int = 0) {
        self.topic = topic
        self.message = message
        self.position = position
        self.skipped = skipped
    }
}
