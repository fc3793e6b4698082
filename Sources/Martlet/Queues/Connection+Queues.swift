extension Connection {
    /// Sends a value to a queue; see ``send(_:to:options:)-(Message,_,_)``.
    ///
    /// - Parameters:
    ///   - value: the value.
    ///   - queue: where to.
    ///   - options: how.
    ///   - codec: what it is written with; `nil`: with the connection's.
    /// - Throws: ``MessagingError/Code/encodingFailed`` as well.
    public nonisolated func send<Value>(
        _ value: Value,
        to queue: Queue<Value>,
        options: SendOptions = SendOptions(),
        codec: (any Codec)? = nil
    ) async throws {
        try await send(runtime.codecs.message(value, codec: codec), to: queue.name, options: options)
    }

    /// Consumes the values of a queue; see ``consume(from:options:)-(QueueName,_)``.
    ///
    /// - Parameters:
    ///   - queue: which queue.
    ///   - options: how.
    ///   - codec: what all values are read with, whatever content type they have; `nil`: as the connection reads that type.
    public func consume<Value>(
        from queue: Queue<Value>,
        options: ConsumeOptions = ConsumeOptions(),
        codec: (any Codec)? = nil
    ) async throws -> TypedSubscription<Value> {
        let subscription = try await consume(from: queue.name, options: options)
        return TypedSubscription(subscription, runtime: runtime, codec: codec)
    }
}
