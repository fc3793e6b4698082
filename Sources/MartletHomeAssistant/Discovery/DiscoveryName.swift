/// Names as Home Assistant's topics of discovery may have them.
enum DiscoveryName {
    /// A name whose other characters are replaced, as miqro does it.
    static func clean(_ text: String) -> String {
        let name = String(text.unicodeScalars.map { isAllowed($0) ? Character($0) : "-" })
        return String(name.drop { $0 == "-" }.reversed().drop { $0 == "-" }.reversed())
    }

    /// Whether a topic may have it.
    static func isValid(_ text: String) -> Bool { !text.isEmpty && text.unicodeScalars.allSatisfy(isAllowed) }

    private static func isAllowed(_ character: Unicode.Scalar) -> Bool {
        switch character {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }
}
