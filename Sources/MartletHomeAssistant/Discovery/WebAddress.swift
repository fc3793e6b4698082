/// Addresses as Home Assistant takes them.
enum WebAddress {
    static let schemes = ["http", "https"]
    /// A device may be managed within Home Assistant.
    static let schemesOfDevices = schemes + ["homeassistant"]

    /// Whether it has one of some schemes and a host, and no control characters.
    static func isValid(_ text: String, _ schemes: [String] = schemes) -> Bool {
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, schemes.contains(parts[0].lowercased()),
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return false }
        let authority = parts[1].prefix { !"/?#".contains($0) }
        let host = authority[(authority.lastIndex(of: "@").map(authority.index(after:)) ?? authority.startIndex)...]
        guard !host.isEmpty, host.first != ":", !host.contains(where: \.isWhitespace) else { return false }
        // The colons of IPv6 stand in brackets.
        let end = host[(host.lastIndex(of: "]") ?? host.startIndex)...]
        guard let colon = end.lastIndex(of: ":") else { return true }
        let port = end[end.index(after: colon)...]
        return port.isEmpty || port.first != "+" && UInt16(port) != nil
    }
}
