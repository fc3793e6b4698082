import Martlet

/// Between Martlet's names, with dots, and MQTT's, with slashes.
///
/// On the wire a name's dots are slashes, so that on MQTT a dot and a slash in a name mean the same: `a.b` and `a/b`
/// are one topic. A topic that arrives is told with dots.
enum TopicMapping {
    private static let dot = UInt8(ascii: ".")
    private static let slash = UInt8(ascii: "/")

    /// The topic or queue of a name, as it is on the wire.
    static func topic(_ name: String) -> String {
        replacing(dot, with: slash, in: name)
    }

    /// The filter of a pattern, as it is on the wire.
    static func filter(_ pattern: TopicPattern) -> String {
        guard pattern.hasWildcards else { return topic(pattern.text) }
        return topic(pattern.segments.map { $0 == "*" ? "+" : $0 }.joined(separator: "/"))
    }

    /// The name of a topic on the wire.
    static func name(_ topic: String) -> TopicName {
        TopicName(replacing(slash, with: dot, in: topic))
    }

    /// What a topic on the wire is matched as: MQTT's levels are segments, whatever characters are in them.
    static func key(topic: String) -> TopicName {
        TopicName(key(topic, plus: "+"))
    }

    /// What a filter on the wire is matched as.
    static func key(filter: String) -> TopicPattern {
        TopicPattern(key(filter, plus: "*"))
    }

    /// Dots and asterisks, which mean nothing to MQTT, make way for those that mean something to a pattern.
    private static func key(_ text: String, plus: Character) -> String {
        String(
            text.map { character in
                switch character {
                case "/": "."
                case ".": "\u{1}"
                case "*": "\u{2}"
                case "+": plus
                default: character
                }
            }
        )
    }

    private static func replacing(_ old: UInt8, with new: UInt8, in text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            String(unsafeUninitializedCapacity: bytes.count) { buffer in
                for (index, byte) in bytes.enumerated() { buffer[index] = byte == old ? new : byte }
                return bytes.count
            }
        }
    }
}
