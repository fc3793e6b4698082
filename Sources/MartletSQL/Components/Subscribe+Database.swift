public import Martlet

extension Subscribe {
    /// Handles the values of many topics, each with a session of a database that is lent to the handler; see
    /// `init(to:options:codec:onHandlerError:handler:)`.
    ///
    /// - Parameters:
    ///   - filter: which topics.
    ///   - database: where the session comes from; that there is none is as if the handler threw.
    ///   - options: how they are subscribed to.
    ///   - codec: what all values are read with; `nil`: as the connection reads their content type.
    ///   - onHandlerError: how it goes on when the handler throws.
    ///   - handler: is called for each value.
    public init<Value>(
        to filter: TopicFilter<Value>,
        in database: any Database,
        options: SubscribeOptions = SubscribeOptions(),
        codec: (any Codec)? = nil,
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Received<Value>, any SQLSession) async throws -> Void
    ) {
        self.init(
            to: filter,
            options: options,
            codec: codec,
            onHandlerError: onHandlerError,
            handler: database.lending(handler)
        )
    }

    /// Handles the values of one topic, each with a session of a database.
    public init<Value>(
        to topic: Topic<Value>,
        in database: any Database,
        options: SubscribeOptions = SubscribeOptions(),
        codec: (any Codec)? = nil,
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Received<Value>, any SQLSession) async throws -> Void
    ) {
        self.init(
            to: TopicFilter(topic),
            in: database,
            options: options,
            codec: codec,
            onHandlerError: onHandlerError,
            handler: handler
        )
    }

    /// Handles messages as they are, each with a session of a database.
    public init(
        to pattern: TopicPattern,
        in database: any Database,
        options: SubscribeOptions = SubscribeOptions(),
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Delivery, any SQLSession) async throws -> Void
    ) {
        self.init(to: pattern, options: options, onHandlerError: onHandlerError, handler: database.lending(handler))
    }
}

extension Listen {
    /// Handles the events of a pattern's topics, each with a session of a database.
    public init<Payload: Codable & Sendable>(
        to pattern: TopicPattern,
        for payload: Payload.Type,
        in database: any Database,
        options: SubscribeOptions = SubscribeOptions(),
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Event<Payload>, any SQLSession) async throws -> Void
    ) {
        self.init(
            to: pattern,
            for: payload,
            options: options,
            onHandlerError: onHandlerError,
            handler: database.lending(handler)
        )
    }
}
