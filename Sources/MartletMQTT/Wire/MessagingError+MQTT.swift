import CMosquitto
import Martlet

extension MessagingError {
    /// The broker's refusal of a message (MQTT 5, 3.4.2.1).
    ///
    /// - Parameter words: its own.
    init(publishReason reason: PublishReason, _ words: BrokerWords = BrokerWords()) {
        let text = String(cString: mosquitto_reason_string(reason.rawValue))
        let code: Code =
            switch reason.rawValue {
            case 0x95: .bodyTooLarge
            case 0x93, 0x97: .queueFull
            case 0x90: .invalidTopic
            default: .refused
            }
        self.init(code, "the broker refused the message: \(text)\(words.detail), reason \(reason.rawValue)")
    }

    /// The broker's refusal of a subscription (MQTT 5, 3.9.3; MQTT 3.1.1, 3.9.3).
    ///
    /// - Parameter words: its own.
    init(subscribeReason reason: CInt, _ filter: String, _ version: MQTTVersion, _ words: BrokerWords) {
        let text =
            version == .v5
            ? "\(String(cString: mosquitto_reason_string(reason)))\(words.detail), reason \(reason)" : "not allowed"
        self.init(.refused, "the broker refused the subscription to \(filter): \(text)")
    }

    /// What was asked of a broker that shares no subscriptions.
    static var sharesNothing: MessagingError {
        MessagingError(
            .unsupported,
            "the broker shares no subscriptions, so that there are no groups; without the option sharesQueues each "
                + "consumer of a queue gets every message"
        )
    }

    /// The broker's farewell (MQTT 5, 3.14.2.1).
    ///
    /// - Parameter words: its own.
    init(disconnectReason reason: CInt, _ words: BrokerWords) {
        var text = String(cString: mosquitto_reason_string(reason))
        if reason == 0x8E { text += " (another client has connected with this one's name)" }
        self.init(.connectionLost, "the broker ended the link: \(text)\(words.detail), reason \(reason)")
    }
}
