public import Martlet
import MartletTransport

/// What MQTT has and other brokers have not.
extension MQTTConnection {
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
        try await session.publishAll(messages, onWire: session.wire(topic), options)
    }
}
