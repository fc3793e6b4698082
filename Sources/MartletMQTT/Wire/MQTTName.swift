import CMosquitto
import Logging
import Martlet
import Synchronization

extension WireNames {
    /// What MQTT, and libmosquitto, take for a topic (MQTT 5, 1.5.4 and 4.7.3).
    static let mqtt = WireNames(.mqtt, broker: "MQTT", maximumBytes: 65_535) { topic in
        if topic.isEmpty { return "MQTT has no topic that is empty" }
        let code = mosquitto_validate_utf8(topic, CInt(topic.utf8.count))
        return code == MOSQ_ERR_SUCCESS.rawValue
            ? nil : "it holds a control character, or one that is none (U+FFFE), which libmosquitto does not take"
    }
}

/// Names on their way to the broker. From any thread.
extension MQTTSession {
    /// A topic as it is on the wire.
    nonisolated func wire(_ topic: TopicName) throws -> String {
        if topic.hasWrittenSlash { tellOfSlash(topic.text) }
        return try runtime.names.topic(topic)
    }

    /// A queue's topic as it is on the wire.
    nonisolated func wire(_ queue: QueueName) throws -> String {
        if queue.hasWrittenSlash { tellOfSlash(queue.text) }
        return try runtime.names.queue(queue)
    }

    /// A filter as it is on the wire, without its group.
    nonisolated func wire(_ pattern: TopicPattern) throws -> String {
        if pattern.hasWrittenSlash { tellOfSlash(pattern.text) }
        let wire = pattern.mqttLevels
        func wrong(_ problem: String) -> MessagingError {
            MessagingError(.invalidFilter, "the topic filter \(quoted(pattern.text)) can't be used here: \(problem)")
        }
        if let problem = runtime.names.problem(with: wire) { throw wrong(problem) }
        if wire.utf8.starts(with: "$share/".utf8) {
            throw wrong("on MQTT it would be a shared subscription: SubscribeOptions(group:) is for those")
        }
        return wire
    }

    /// A slash in a text meant the same as a dot until names were lists of segments.
    private nonisolated func tellOfSlash(_ text: String) {
        guard !hasToldOfSlash.exchange(true, ordering: .relaxed) else { return }
        runtime.logger.notice(
            """
            the name \(quoted(text)) has a slash, which on the wire is written %2F: it separates no levels. \
            A dot does; a topic as MQTT writes it is read by TopicName(mqtt:)
            """
        )
    }
}
