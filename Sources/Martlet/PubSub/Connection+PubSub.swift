extension Connection {
    /// Publishes a value; see ``publish(_:to:options:)-(Message,_,_)``.
    ///
    /// - Parameters:
    ///   - value: the value.
    ///   - topic: where.
    ///   - options: how.
    ///   - codec: what it is written with; `nil`: with the connection's.
    /// - Throws: ``MessagingError/Code/encodingFailed`` as well.
    public nonisolated func publish<Value>(
        _ value: Value,
        to topic: Topic<Value>,
        options: PublishOptions = PublishOptions(),
        codec: (any Codec)? = nil
    ) async throws {
        try await publish(runtime.codecs.message(value, codec: codec), to: topic.name, options: options)
    }

    /// Subscribes to the values of many topics; see ``subscribe(to:options:)-(TopicPattern,_)``.
    ///
    /// - Parameters:
    ///   - filter: which topics.
    ///   - options: how.
    ///   - codec: what all values are read with, whatever content type they have; `nil`: as the connection reads that type.
    public func subscribe<Value>(
        to filter: TopicFilter<Value>,
        options: SubscribeOptions = SubscribeOptions(),
        codec: (any Codec)? = nil
    ) async throws -> TypedSubscription<Value> {
        let subscription = try await subscribe(to: filter.pattern, options: options)
        return TypedSubscription(subscription, runtime: runtime, codec: codec)
    }

    /// Subscribes to the values of one topic; see ``subscribe(to:options:)-(TopicPattern,_)``.
    ///
    /// - Parameters:
    ///   - topic: which topic.
    ///   - options: how.
    ///   - codec: what all values are read with, whatever content type they have; `nil`: as the connection reads that type.
    public func subscribe<Value>(
        to topic: Topic<Value>,
        options: SubscribeOptions = SubscribeOptions(),
        codec: (any Codec)? = nil
    ) async throws -> TypedSubscription<Value> {
        try await subscribe(to: TopicFilter(topic), options: options, codec: codec)
    }
}
