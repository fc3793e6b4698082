public import Martlet
import MartletTransport

/// What MQTT has and other brokers have not, under MQTT's own names.
extension MQTTConnection {
    /// Publishes to a topic as it is on the wire, with slashes, where a dot is a character like any other.
    ///
    /// Otherwise as ``publish(_:to:options:)``.
    ///
    /// - Throws: ``MessagingError/Code/invalidTopic`` for what is no topic of MQTT, or one that a broker keeps for
    ///   itself (`$SYS/…`, `$share/…`).
    public nonisolated func publish(
        _ message: Message,
        toMQTT topic: String,
        options: PublishOptions = PublishOptions()
    ) async throws {
        try MQTTName.validate(topic: topic)
        try await session.publish(message, onWire: topic, options)
    }

    /// Publishes many messages to one topic, and returns when the broker has confirmed them all.
    ///
    /// As many are under way at once as ``MQTTOptions/maximumInFlight`` allows, so that it takes about as long as the
    /// messages do and not as many round trips as there are messages.
    ///
    /// - Throws: what the first message met that did not arrive; the others may or may not have. Cancelled, it waits
    ///   for none of them any more.
    public nonisolated func publish(
        contentsOf messages: some Sequence<Message>,
        to topic: TopicName,
        options: PublishOptions = PublishOptions(guarantee: .atLeastOnce)
    ) async throws {
        try topic.validate()
        try await session.publishAll(messages, onWire: TopicMapping.topic(topic.text), options)
    }

    /// Subscribes to a filter as it is on the wire, with slashes, `+` and `#`. What arrives is told under the topic as
    /// it is on the wire too.
    ///
    /// This way `$SYS/#` can be had, which the patterns of ``subscribe(to:options:)`` never reach.
    ///
    /// - Parameters:
    ///   - noLocal: whether what this connection itself publishes is left out (MQTT 5).
    /// - Throws: ``MessagingError/Code/invalidFilter`` for what is no filter of MQTT; otherwise as
    ///   ``subscribe(to:options:)``.
    public func subscribe(
        toMQTT filter: String,
        options: SubscribeOptions = SubscribeOptions(),
        noLocal: Bool = false
    ) async throws -> Subscription {
        try MQTTName.validate(filter: filter)
        try options.validate()
        if noLocal, session.options.version == .v311 {
            throw MessagingError(.unsupported, "MQTT 3.1.1 can't leave out a client's own messages; MQTT 5 can")
        }
        if options.retainAsPublished, session.options.version == .v311 {
            throw MessagingError(
                .unsupported,
                "MQTT 3.1.1 does not tell of a new message whether it is kept; MQTT 5 does"
            )
        }
        let inbox = Inbox<Delivery>(limit: options.limit, overflow: options.overflow, gate: session.gate)
        let request = MQTTSession.Request(
            filter: filter,
            quality: CInt(options.guarantee.rawValue),
            wantsRetained: options.retained,
            noLocal: noLocal,
            retainAsPublished: options.retainAsPublished
        )
        let member = try await session.subscribe(request, .native(inbox))
        return Subscription(inbox.mailbox) { [weak session] in session?.leave(member) }
    }
}
