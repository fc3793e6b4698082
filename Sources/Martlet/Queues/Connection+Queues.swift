extension Connection {
    /// Sends a value to a queue; see ``send(_:to:options:)-(Message,_,_)``.
    ///
    /// - Throws: ``MessagingError/Code/encodingFailed`` as well.
    public nonisolated func send<Value>(
        _ value: Value,
        to queue: Queue<Value>,
        options: SendOptions = SendOptions()
    ) async throws {
        try await send(runtime.codecs.message(value), to: queue.name, options: options)
    }

    /// Consumes the values of a queue; see ``consume(from:options:)-(QueueName,_)``.
    public func consume<Value>(
        from queue: Queue<Value>,
        options: ConsumeOptions = ConsumeOptions()
    ) async throws -> TypedSubscription<Value> {
        let subscription = try await consume(from: queue.name, options: options)
        return TypedSubscription(subscription, runtime: runtime)
    }
}
