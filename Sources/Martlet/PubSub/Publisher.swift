/// Publishes values to one topic, on request only when they change.
public final class Publisher<Value: Codable & Sendable>: Sendable {
    /// Where it publishes to.
    public let topic: Topic<Value>
    private let publisher: MultiTopicPublisher<Value>

    /// - Parameters:
    ///   - topic: the topic that values are published to.
    ///   - connection: the connection by which they are published.
    ///   - options: how they are published; by default at most once, not retained.
    ///   - filter: when a value that the topic has already got is published again.
    ///   - codec: what values are written with; `nil`: with the connection's.
    public init(
        to topic: Topic<Value>,
        on connection: any Connection,
        options: PublishOptions = PublishOptions(),
        filter: ChangeFilter = .none,
        codec: (any Codec)? = nil
    ) {
        self.topic = topic
        publisher = MultiTopicPublisher(on: connection, options: options, filter: filter, codec: codec)
    }

    /// Publishes a value, unless the filter holds it back; see ``MultiTopicPublisher/publish(_:to:)``.
    ///
    /// - Returns: whether it was published.
    @discardableResult
    public func publish(_ value: Value) async throws -> Bool {
        try await publisher.publish(value, to: topic.name)
    }
}
