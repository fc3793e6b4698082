extension Connection {
    /// Listens to the events told on the topics of a pattern.
    ///
    /// ```swift
    /// for try await event in try await connection.listen(to: "events.#", for: Door.self) { … }
    /// ```
    ///
    /// Events that have no such payload are skipped and counted, as by ``TypedSubscription``. One whose writer left
    /// the uri out has the topic it came by.
    ///
    /// - Parameters:
    ///   - pattern: the topics that the events are told on.
    ///   - payload: what belongs to the events; ``NoPayload`` does not look at it.
    ///   - options: those of the subscription.
    /// - Throws: as ``subscribe(to:options:)-(TopicPattern,_)``.
    public func listen<Payload: Codable & Sendable>(
        to pattern: TopicPattern,
        for payload: Payload.Type,
        options: SubscribeOptions = SubscribeOptions()
    ) async throws -> EventSubscription<Payload> {
        try await EventSubscription(subscribe(to: TopicFilter(pattern), options: options))
    }
}
