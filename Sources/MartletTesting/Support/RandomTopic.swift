/// Topics of MQTT as peers of all kinds write them: empty levels, spaces, dots, what is reserved elsewhere and what reads
/// like a code for it, characters that look like others.
package enum RandomTopic {
    private static let pieces = [
        "a", "B7", "%", "25", "%25", "%2F", "%2B", "%23", "%2E", "%2A", "%2f", "2E", ".", "*", " ", "$", "caf\u{E9}",
        "cafe\u{301}", "\u{301}", "\u{FEFF}", "日本", "🐦", "\\", "?", "[x]", "^", "{1}", "=", ",", "@", "\"", "'", "~",
    ]

    /// A topic that mosquitto takes: not empty, no wildcards, no control characters. It does not begin with `$`.
    package static func make(_ random: inout some RandomNumberGenerator) -> String {
        var topic = ""
        for level in 0..<Int.random(in: 1...5, using: &random) {
            if level > 0 { topic += "/" }
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                topic += pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
        }
        return topic.isEmpty || topic.utf8.first == UInt8(ascii: "$") ? "/" + topic : topic
    }
}
