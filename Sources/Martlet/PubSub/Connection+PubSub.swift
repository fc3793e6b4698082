extension Connection {
    /// Publishes a value; see ``publish(_:to:options:)-(Message,_,_)``.
    ///
    /// - Throws: ``MessagingError/Code/encodingFailed`` as well.
    public nonisolated func publish<Value>(
        _ value: Value,
        to topic: Topic<Value>,
        options: PublishOptions = PublishOptions()
    ) async throws {
        try await publish(runtime.codecs.message(value), to: topic.name, options: options)
    }

    /// Subscribes to the values of many topics; see ``subscribe(to:options:)-(TopicPattern,_)``.
    public func subscribe<Value>(
        to filter: TopicFilter<Value>,
        options: SubscribeOptions = SubscribeOptions()
    ) async throws -> TypedSubscription<Value> {
        let subscription = try await subscribe(to: filter.pattern, options: options)
        return TypedSubscription(subscription, runtime: runtime)
    }

    /// Subscribes to the values of one topic; see ``subscribe(to:options:)-(TopicPattern,_)``.
    public func subscribe<Value>(
        to topic: Topic<Value>,
        options: SubscribeOptions = SubscribeOptions()
    ) async throws -> TypedSubscription<Value> {
        try await subscribe(to: TopicFilter(topic), options: options)
    }
}
