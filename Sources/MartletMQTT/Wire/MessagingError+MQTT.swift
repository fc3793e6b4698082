import CMosquitto
import Martlet

extension MessagingError {
    /// The broker's refusal of a message (MQTT 5, 3.4.2.1).
    init(publishReason reason: PublishReason) {
        let text = String(cString: mosquitto_reason_string(reason.rawValue))
        let code: Code =
            switch reason.rawValue {
            case 0x95: .bodyTooLarge
            case 0x97: .queueFull
            case 0x90: .invalidTopic
            default: .refused
            }
        self.init(code, "the broker refused the message: \(text), reason \(reason.rawValue)")
    }

    /// The broker's farewell (MQTT 5, 3.14.2.1).
    ///
    /// - Parameter words: its own.
    init(disconnectReason reason: CInt, text words: String? = nil) {
        var text = String(cString: mosquitto_reason_string(reason))
        if reason == 0x8E { text += " (another client has connected with this one's name)" }
        if let words { text += " (\(quoted(words)))" }
        self.init(.connectionLost, "the broker ended the link: \(text), reason \(reason)")
    }
}
