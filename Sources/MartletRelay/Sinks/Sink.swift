public import Martlet

/// The end of a relay that is no broker: a metrics server, a file, a chat.
///
/// ```swift
/// struct Printer: Sink {
///     func deliver(_ batch: [SinkItem]) async throws {
///         for item in batch { print(item.topic, item.message.text ?? "") }
///     }
/// }
/// ```
///
/// A ``SinkConnection`` makes a connection of it, and so a `Bridge` passes messages on to it like to a broker.
public protocol Sink: Sendable {
    /// What the sink gives by itself; by default `Capabilities.confirmedPublish` and
    /// `Capabilities.separateHeaders`. A sink that can't tell whether it has a message leaves out the first.
    var capabilities: Capabilities { get }

    /// The thread that the sink works on, where batches are then put together and handed to it; by default `nil`: the threads
    /// that all tasks share.
    var taskExecutor: (any TaskExecutor)? { get }

    /// Delivers messages, in their order. It is called for one batch at a time, and returns when all of the batch is as safe
    /// as the sink can make it. The same batch may come again after an error.
    ///
    /// - Throws: ``SinkRejection`` for some of the items, when all others have been delivered. A
    ///   `MessagingError` that can't be mended by time (`MessagingError.isRetriable` is false): none of the batch
    ///   will ever be delivered. Any other error is taken as passing, and the batch is delivered again later, of which a
    ///   ``RetryAfter`` says when. ``PartlyDelivered`` is one of these for what comes behind the items that were delivered.
    ///   Cancellation is thrown as `CancellationError`.
    func deliver(_ batch: [SinkItem]) async throws

    /// Reads its files anew, such as a certificate; by default there are none. Called from any thread.
    ///
    /// - Throws: what is wrong with them. It goes on with what it had.
    func reload() throws

    /// Lets go of what the sink holds; by default nothing. Called once, after the last batch.
    func close() async
}

extension Sink {
    /// Messages are confirmed, and headers do not change bodies.
    public var capabilities: Capabilities { [.confirmedPublish, .separateHeaders] }

    /// There is none of its own.
    public var taskExecutor: (any TaskExecutor)? { nil }

    /// There are none.
    public func reload() throws {}

    /// Does nothing.
    public func close() async {}
}

/// One message for a ``Sink``.
public struct SinkItem: Sendable, Hashable {
    /// Where it goes to.
    public let topic: TopicName
    /// What is delivered. It has an ID, by which one that comes again can be told from another like it.
    public let message: Message

    /// A message and its topic.
    public init(topic: TopicName, message: Message) {
        self.topic = topic
        self.message = message
    }
}

/// What a ``Sink`` throws when it has delivered a batch but for some items, which it will never take.
public struct SinkRejection: Error, Sendable {
    /// Why an item is rejected, by its index in the batch.
    public private(set) var errors: [Int: MessagingError] = [:]

    /// A rejection of nothing yet.
    public init() {}

    /// Whether nothing was rejected.
    public var isEmpty: Bool { errors.isEmpty }

    /// Rejects an item.
    ///
    /// - Parameters:
    ///   - index: where it stands in the batch.
    ///   - reason: what is wrong with it. It becomes the reason of the dead letter.
    ///   - undelivered: the body of the dead letter, if a part of the message was delivered; `nil`: the whole message.
    public mutating func reject(_ index: Int, _ reason: String, undelivered: [UInt8]? = nil) {
        errors[index] = MessagingError(.refused, reason, cause: undelivered.map(UndeliveredPart.init(body:)))
    }
}

/// What a ``Sink`` throws that has delivered the first items of a batch, or rejected them, and then failed.
public struct PartlyDelivered: Error, Sendable {
    /// How many items, counted from the first, need not come again.
    public let count: Int
    /// Those of them that the sink will never take.
    public let rejection: SinkRejection
    /// Why it did not go on: what the sink would have thrown for a batch of the others.
    public let failure: any Error

    /// A failure after some items.
    public init(_ count: Int, rejection: SinkRejection = SinkRejection(), _ failure: any Error) {
        self.count = count
        self.rejection = rejection
        self.failure = failure
    }
}
