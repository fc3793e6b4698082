// What a transport checks before it sends anything, so that what can't be given is an error at once. Each throws
// `CancellationError` if the calling task is cancelled.
extension ConnectionRuntime {
    /// Checks a message that is to be published.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - topic: where it is published to.
    ///   - options: what is asked for.
    ///   - capabilities: those of the connection.
    /// - Throws: ``MessagingError/Code/invalidTopic``, ``MessagingError/Code/bodyTooLarge``,
    ///   ``MessagingError/Code/invalidArgument`` for too many headers, or
    ///   ``MessagingError/Code/unsupported`` for a guarantee, retaining or expiry that the broker can't give.
    public func check(
        publishing message: Message,
        to topic: TopicName,
        _ options: PublishOptions,
        on capabilities: Capabilities
    ) throws {
        try Task.checkCancellation()
        try topic.validate()
        try checkSize(of: message)
        let needed: Capabilities =
            switch options.guarantee {
            case .atMostOnce: []
            case .atLeastOnce: .confirmedPublish
            case .exactlyOnce: .exactlyOnce
            }
        guard capabilities.isSuperset(of: needed) else {
            throw MessagingError(.unsupported, "this broker can't publish with the guarantee \(options.guarantee)")
        }
        if options.retain, !capabilities.contains(.retain) {
            throw MessagingError(.unsupported, "this broker keeps no messages for later subscribers")
        }
        // With a guarantee it bounds at least how long the message waits for a link.
        if options.expiry != nil, options.guarantee == .atMostOnce, !capabilities.contains(.expiry) {
            throw MessagingError(.unsupported, "this broker's messages do not expire")
        }
    }

    /// Checks a message that is to be sent to a queue.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - queue: where it is sent to.
    ///   - options: what is asked for.
    ///   - capabilities: those of the connection.
    /// - Throws: ``MessagingError/Code/invalidQueue``, ``MessagingError/Code/bodyTooLarge``,
    ///   ``MessagingError/Code/invalidArgument`` for too many headers, or
    ///   ``MessagingError/Code/unsupported`` for a guarantee or a required consumer that the broker can't give.
    public func check(
        sending message: Message,
        to queue: QueueName,
        _ options: SendOptions,
        on capabilities: Capabilities
    ) throws {
        try Task.checkCancellation()
        try queue.validate()
        try checkSize(of: message)
        if options.guarantee == .exactlyOnce, !capabilities.contains(.exactlyOnce) {
            throw MessagingError(.unsupported, "this broker's queues deliver at least once, not exactly once")
        }
        if options.requiresConsumer, !capabilities.contains(.responderDetection) {
            throw MessagingError(.unsupported, "this broker does not tell whether anyone consumes a queue")
        }
    }

    /// Checks a message that is to be sent to a reply address.
    ///
    /// - Throws: ``MessagingError/Code/bodyTooLarge``, ``MessagingError/Code/invalidArgument``.
    public func check(replying message: Message) throws {
        try Task.checkCancellation()
        try checkSize(of: message)
    }

    /// Checks what is to be subscribed to.
    ///
    /// - Parameters:
    ///   - pattern: what is subscribed to.
    ///   - options: what is asked for.
    ///   - capabilities: those of the connection.
    /// - Returns: the options, with the group that the pattern may name.
    /// - Throws: ``MessagingError/Code/invalidFilter``, ``MessagingError/Code/invalidArgument``, or
    ///   ``MessagingError/Code/unsupported`` for what the broker can't give.
    @discardableResult
    public func check(
        subscribingTo pattern: TopicPattern,
        _ options: SubscribeOptions,
        on capabilities: Capabilities
    ) throws -> SubscribeOptions {
        try Task.checkCancellation()
        try pattern.validate()
        return try options.checked(for: pattern, on: capabilities)
    }

    /// Checks what is to be consumed.
    ///
    /// - Throws: ``MessagingError/Code/invalidQueue``, ``MessagingError/Code/invalidArgument``.
    public func check(consuming queue: QueueName, _ options: ConsumeOptions) throws {
        try Task.checkCancellation()
        try queue.validate()
        try options.validate()
    }
}
