import CMosquitto
import Martlet

/// The rules for MQTT's own topics and filters (MQTT 5, 4.7).
enum MQTTName {
    static func validate(topic: String) throws {
        func wrong(_ problem: String) -> MessagingError {
            MessagingError(.invalidTopic, "\(quoted(topic)) is no topic of MQTT: \(problem)")
        }
        try validate(topic, wrong)
        if topic.utf8.first == UInt8(ascii: "$") { throw wrong("what begins with '$' is the broker's") }
        if topic.utf8.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }) {
            throw wrong("'+' and '#' are wildcards, which only a filter may have")
        }
    }

    static func validate(filter: String) throws {
        func wrong(_ problem: String) -> MessagingError {
            MessagingError(.invalidFilter, "\(quoted(filter)) is no filter of MQTT: \(problem)")
        }
        try validate(filter, wrong)
        if filter.hasPrefix("$share/") { throw wrong("a shared subscription is a queue's: consume(from:)") }
        let levels = filter.split(separator: "/", omittingEmptySubsequences: false)
        for (index, level) in levels.enumerated() {
            if level.contains("#"), level != "#" || index < levels.count - 1 {
                throw wrong("'#' is a whole level, and the last one")
            }
            if level.contains("+"), level != "+" { throw wrong("'+' is a whole level") }
        }
    }

    private static func validate(_ text: String, _ wrong: (String) -> MessagingError) throws {
        if text.isEmpty { throw wrong("it is empty") }
        if text.utf8.count > 65_535 { throw wrong("it has \(text.utf8.count) bytes, at most 65535 are possible") }
        if text.utf8.contains(0) || mosquitto_validate_utf8(text, CInt(text.utf8.count)) != MOSQ_ERR_SUCCESS.rawValue {
            throw wrong("it holds a control character")
        }
    }
}
