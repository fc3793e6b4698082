package import Martlet

/// Names as people write them for a broker: on MQTT, one with a slash or a `+` is MQTT's own.
extension BrokerAddress {
    private func isMQTTs(_ word: String) -> Bool {
        guard case .mqtt = self else { return false }
        return word.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "+") }
    }

    /// The topic that a word names.
    package func topic(_ word: String) -> TopicName {
        isMQTTs(word) ? TopicName(mqtt: word) : TopicName(word)
    }

    /// The queue that a word names.
    package func queue(_ word: String) -> QueueName {
        isMQTTs(word) ? QueueName(mqtt: word) : QueueName(word)
    }

    /// The filter that a word is.
    package func pattern(_ word: String) -> TopicPattern {
        isMQTTs(word) ? TopicPattern(mqtt: word) : TopicPattern(word)
    }

    /// A bridge's template as text.
    package func template(_ word: String) -> String {
        isMQTTs(word) ? NameForm.text.text(of: NameForm.mqtt.segments(of: word)) : word
    }
}
