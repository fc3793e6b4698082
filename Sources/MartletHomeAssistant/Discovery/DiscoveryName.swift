/// Names and topics as Home Assistant takes them.
enum DiscoveryName {
    /// A name whose other characters are replaced, as miqro does it.
    static func clean(_ text: String) -> String {
        let name = String(text.unicodeScalars.map { isAllowed($0) ? Character($0) : "-" })
        return String(name.drop { $0 == "-" }.reversed().drop { $0 == "-" }.reversed())
    }

    /// Whether a topic may have it.
    static func isValid(_ text: String) -> Bool { !text.isEmpty && text.unicodeScalars.allSatisfy(isAllowed) }

    /// Whether Home Assistant publishes on a topic, and subscribes to it. A broker would end its connection over some others.
    static func isTopic(_ text: String) -> Bool {
        (1...65_535).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.properties.generalCategory != .control && !$0.properties.isNoncharacterCodePoint
            }
    }

    private static func isAllowed(_ character: Unicode.Scalar) -> Bool {
        switch character {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }
}
